"""The path is solved as it is drawn, played by the clock without a queue, and written as the film that is played."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QSlider, QSpinBox, QToolButton

from latentlab.cli.parser import build_parser
from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.path import FINDING, PathController
from latentlab.controllers.path_player import PathPlayer
from latentlab.engine.protocol.messages import (
    CancelFilm,
    ExportFilm,
    Failed,
    FilmCancelled,
    FilmExported,
    FilmProgress,
    Lengths,
    PathSolved,
    SolvePath,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.state.path_style import PathStyle
from tests.controllers.conftest import model_info, some_points

WAYPOINTS = np.array([[0.1, 0.2, 0.3], [1.5, -2.25, 1e-5]], np.float32)


@pytest.fixture
def window(qtbot, session, engine, undo, activity):
    """The window with a path of two waypoints of a model of 3 dimensions, which has been asked for."""
    latent_map = LatentMap()
    window = MainWindow(latent_map)
    qtbot.addWidget(window)
    explore = ExploreController(session, undo, latent_map, window.latent_sliders, window)
    window.path_controller = PathController(session, engine, explore, undo, latent_map, window, activity, window)
    session.set_model(model_info(3, source="bundled:m"), 1, is_new_model=True)
    session.set_path(WAYPOINTS)
    qtbot.waitUntil(lambda: engine.count(SolvePath) > 0)
    return window


def part(window, kind, name):
    found = window.path_bar.findChild(kind, name)
    assert found is not None, name
    return found


def solved(engine, **changes) -> PathSolved:
    """Answer the newest request."""
    request = engine.last(SolvePath)
    values = np.linspace(0, 1, request.frames)[:, None].astype(np.float32)
    frames = WAYPOINTS[0] + values * (WAYPOINTS[1] - WAYPOINTS[0])
    result = PathSolved(
        request.generation, 1, frames, frames, Lengths(2.0, 5.0, 5.1), Lengths(1.5, 6.0, 6.1), done=True
    )
    result = replace(result, **changes)
    engine.pathSolved.emit(result)
    return result


def test_the_path_is_asked_for_with_the_bars_settings_and_again_when_they_change(qtbot, window, session, engine):
    request = engine.last(SolvePath)
    np.testing.assert_array_equal(request.waypoints, WAYPOINTS)
    assert (request.kind, request.is_closed, request.is_even, request.frames) == ("linear", False, False, 60)
    part(window, QSpinBox, "pathFrames").setValue(24)
    qtbot.waitUntil(lambda: engine.last(SolvePath).frames == 24)
    kind = part(window, QComboBox, "pathKind")
    kind.setCurrentIndex(kind.findData("geodesic"))
    kind.activated.emit(kind.currentIndex())
    part(window, QCheckBox, "pathLoop").click()
    part(window, QCheckBox, "pathEven").click()
    qtbot.waitUntil(lambda: engine.last(SolvePath).is_even)
    request = engine.last(SolvePath)
    assert (request.kind, request.is_closed, request.frames) == ("geodesic", True, 24)
    assert session.path_style == PathStyle("geodesic", is_closed=True, is_even=True)


def test_how_the_path_leads_can_be_undone(window, session, undo):
    part(window, QCheckBox, "pathLoop").click()
    part(window, QCheckBox, "pathEven").click()
    undo.undo()
    assert session.path_style == PathStyle(is_closed=True)
    assert not part(window, QCheckBox, "pathEven").isChecked()
    undo.undo()
    assert session.path_style == PathStyle()
    assert not part(window, QCheckBox, "pathLoop").isChecked()


def test_the_way_is_drawn_as_it_comes_and_lengths_stand_beside_the_straight_ones(qtbot, window, session, engine):
    session.set_path_style(PathStyle("geodesic"))
    qtbot.waitUntil(lambda: engine.last(SolvePath).kind == "geodesic")
    text = part(window, ElidedLabel, "pathLengths")
    partial = solved(engine, done=False, lengths=None, straight=None)
    assert session.path_curve is partial.curve
    assert session.path_frames is None
    assert not part(window, QToolButton, "pathExport").isEnabled()
    qtbot.waitUntil(lambda: text.text() == FINDING)
    result = solved(engine)
    assert session.path_frames is result.frames
    expected = "Length: latent 2.00 (1.50 straight) · pixel 5.00 (6.00 straight) · metric 5.10 (6.10 straight)"
    assert text.text() == expected
    tip = " ".join(text.toolTip().split())
    assert tip.startswith("The images change 16 % less than along straight lines latent 2.00: the way in the latent")
    assert "pixel 5.00: the sum of the distances between the images of close latents, in pixel values" in tip
    assert text.accessibleDescription().startswith("The images change 16 % less")
    assert part(window, QToolButton, "pathExport").isEnabled()


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (6.1, "The images change as much as along straight lines, to 1 %: linear is as good here"),
        (6.06, "The images change as much as along straight lines, to 1 %: linear is as good here"),
        (12.2, "The images change 100 % more than along straight lines"),
    ],
)
def test_the_tooltip_of_the_lengths_says_which_way_is_better(qtbot, window, session, engine, metric, said):
    session.set_path_style(PathStyle("spherical"))
    qtbot.waitUntil(lambda: engine.last(SolvePath).kind == "spherical")
    solved(engine, lengths=Lengths(2.0, 6.0, metric))
    tip = " ".join(part(window, ElidedLabel, "pathLengths").toolTip().split())
    assert tip.startswith(said)
    session.set_path_style(PathStyle("linear"))
    qtbot.waitUntil(lambda: engine.last(SolvePath).kind == "linear")
    solved(engine)
    assert "straight" not in part(window, ElidedLabel, "pathLengths").toolTip()


def test_the_path_stays_when_the_same_weights_are_opened_again(qtbot, window, session, engine):
    session.set_model(model_info(3, source="bundled:m", sha256="a"), 2, is_new_model=True)
    session.set_path(WAYPOINTS)
    qtbot.waitUntil(lambda: engine.count(SolvePath) > 1)
    session.set_model(model_info(3, source="bundled:m", sha256="a"), 3, is_new_model=True)
    np.testing.assert_array_equal(session.path, WAYPOINTS)
    qtbot.waitUntil(lambda: engine.count(SolvePath) > 2)
    solved(engine, model_version=3)
    assert session.path_frames is not None
    session.set_model(model_info(3, source="bundled:m", sha256="b"), 4, is_new_model=True)
    assert session.path is None, "the file has other weights now"


def test_of_an_older_request_or_model_nothing_is_shown(qtbot, window, session, engine):
    result = solved(engine)
    session.set_path(WAYPOINTS * 2)
    qtbot.waitUntil(lambda: engine.count(SolvePath) > 1)
    engine.pathSolved.emit(replace(result, generation=result.generation - 1, curve=result.curve * 0))
    assert session.path_curve is None, "straight lines are drawn through the waypoints"
    solved(engine)
    session.set_model(model_info(3, name="other"), 5, is_new_model=True)
    assert session.path_frames is None
    engine.pathSolved.emit(replace(result, generation=99))
    assert session.path_frames is None


def test_what_has_no_path_says_why(window, session, engine):
    solved(engine, curve=None, frames=None, problem="there are no encoded images")
    assert part(window, ElidedLabel, "pathLengths").text() == "No path: there are no encoded images."
    assert not part(window, QToolButton, "pathPlay").isEnabled()


def test_a_path_whose_request_failed_is_no_longer_awaited(qtbot, window, session, engine):
    solved(engine)
    session.set_path(WAYPOINTS * 2)
    qtbot.waitUntil(lambda: engine.count(SolvePath) > 1)
    text = part(window, ElidedLabel, "pathLengths")
    qtbot.waitUntil(lambda: text.text() == FINDING)
    engine.failed.emit(Failed("SolvePath", "out of memory", expected=False))
    assert text.text() == "No path: it could not be found."
    assert not part(window, QToolButton, "pathPlay").isEnabled()
    assert not part(window, QToolButton, "pathExport").isEnabled()


def test_kinds_that_a_model_does_not_have_are_greyed_with_their_reason(window, session):
    def reason(kind: str) -> str:
        combo = part(window, QComboBox, "pathKind")
        item = combo.model().item(combo.findData(kind))
        return "" if item.isEnabled() else item.data(Qt.ItemDataRole.ToolTipRole).replace("\n", " ")

    assert reason("geodesic") == ""
    assert "no images are encoded" in reason("graph").lower()
    session.set_points(some_points(3))
    assert reason("graph") == ""
    for layout, why in (
        (LatentLayout("codes", (Level("", 0, 4, (2, 2)),), codes=8), "codes"),
        (LatentLayout("categories", (Level("", 0, 4),), categories=2), "categories"),
    ):
        session.set_model(model_info(4, layout=layout), session.model_version + 1, is_new_model=True)
        assert why in reason("geodesic")
        assert why in reason("spherical")
        assert reason("linear") == ""


# --- playing ----------------------------------------------------------------------------------------------------


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_frames_are_those_of_the_clock_and_late_ones_are_left_out():
    clock = Clock()
    player = PathPlayer(clock=clock)
    due, ended = [], []
    player.frameDue.connect(due.append)
    player.ended.connect(lambda: ended.append(True))
    player.set_film(10, 20.0, repeats=False)
    player.play()
    for now in (0.01, 0.06, 0.07, 0.26):  # the window was busy for four frames
        clock.now = now
        player.tick()
    assert due == [1, 5]
    clock.now = 10.0
    player.tick()
    assert due[-1] == 9
    assert ended
    assert not player.is_playing
    player.play()
    assert due[-1] == 0, "again from the beginning"
    player.pause()


def test_a_loop_repeats_without_a_seam_and_a_new_film_goes_on_at_the_same_part(qapp):
    clock = Clock()
    player = PathPlayer(clock=clock)
    due = []
    player.frameDue.connect(due.append)
    player.set_film(10, 10.0, repeats=True)
    player.play()
    for now in (0.85, 0.95, 1.05, 1.15):
        clock.now = now
        player.tick()
    assert due == [8, 9, 0, 1]
    player.show(5)
    player.set_film(20, 20.0, repeats=True)
    assert player.index == 10
    clock.now += 0.1
    player.tick()
    assert due[-1] == 12
    player.set_film(0, 20.0, repeats=False)
    assert not player.is_playing


def test_playing_previews_each_image_and_the_pointer_waits(qtbot, window, session, engine):
    result = solved(engine)
    latent = session.latent
    part(window, QToolButton, "pathPlay").click()
    np.testing.assert_array_equal(session.preview, result.frames[0])
    window.latent_map.hovered.emit(np.array([3.0, 3.0]))
    np.testing.assert_array_equal(session.preview, result.frames[0])
    part(window, QToolButton, "pathPlay").click()
    window.latent_map.hovered.emit(np.array([3.0, 3.0]))
    np.testing.assert_allclose(session.preview[:2], [3, 3])
    part(window, QSlider, "pathScrubber").setValue(30)
    np.testing.assert_array_equal(session.preview, result.frames[30])
    assert part(window, QLabel, "pathPosition").text() == "31 / 60"
    window.path_controller.stop()
    assert session.preview is None
    np.testing.assert_array_equal(session.latent, latent)


def test_keys_of_the_bar_play_step_choose_and_stop(window, session, engine, undo):
    result = solved(engine)
    slider = part(window, QSlider, "pathScrubber")
    QTest.keyClick(slider, Qt.Key.Key_Right)
    np.testing.assert_array_equal(session.preview, result.frames[1])
    QTest.keyClick(slider, Qt.Key.Key_Space)
    assert part(window, QToolButton, "pathPlay").toolTip().startswith("Pause")
    QTest.keyClick(slider, Qt.Key.Key_Escape)
    assert session.preview is None
    QTest.keyClick(slider, Qt.Key.Key_End)
    QTest.keyClick(slider, Qt.Key.Key_Return)
    np.testing.assert_array_equal(session.latent, result.frames[-1])
    assert undo.undoText() == "Go to an image of the path"


def test_a_path_that_is_removed_is_no_longer_played(window, session, engine):
    solved(engine)
    window.actions_.play_path.trigger()
    session.set_path(WAYPOINTS[:1])
    assert session.preview is None
    assert not part(window, QToolButton, "pathPlay").isEnabled()
    assert session.path_curve is None


# --- films and commands ------------------------------------------------------------------------------------------


def test_the_film_has_the_latents_that_are_played(window, session, engine, activity, tmp_path):
    result = solved(engine)
    part(window, QSpinBox, "pathSpeed").setValue(30)
    controller, path = window.path_controller, str(tmp_path / "film.gif")
    window.actions_.export_film.trigger()
    (dialog,) = [each for each in window.children() if each.metaObject().className() == "QFileDialog"]
    dialog.fileSelected.emit(path)
    dialog.reject()
    film = engine.last(ExportFilm)
    np.testing.assert_array_equal(film.latents, result.frames)
    assert (film.path, film.fps, film.scale) == (path, 30, 32), "8 pixels become 256"
    engine.filmProgress.emit(FilmProgress(30, 60))
    assert activity.shown.fraction == 0.5
    activity.cancel()
    assert engine.count(CancelFilm) == 1
    engine.filmCancelled.emit(FilmCancelled())
    assert "film" not in activity.shown.text
    engine.filmExported.emit(FilmExported(path, 60))
    assert "Exported 60 images to film.gif" in window.notifications.messages()
    assert controller is not None


def test_while_a_run_changes_the_weights_no_film_is_written(window, session, engine):
    solved(engine)
    session.set_run_state("running")
    assert not window.actions_.export_film.isEnabled()
    assert "A run is changing the weights" in part(window, QToolButton, "pathExport").toolTip()


def test_the_copied_command_has_the_same_waypoints_to_the_bit(qtbot, window, session, engine):
    session.set_path_style(PathStyle("geodesic", is_closed=True, is_even=True))
    qtbot.waitUntil(lambda: engine.last(SolvePath).is_even)
    solved(engine)
    part(window, QToolButton, "pathCopy").click()
    words = shlex.split(QGuiApplication.clipboard().text())
    arguments = build_parser().parse_args(words[1:])
    read = np.array([[float(number) for number in text.split(",")] for text in arguments.through], np.float32)
    np.testing.assert_array_equal(read, WAYPOINTS)
    assert (arguments.kind, arguments.loop, arguments.even, arguments.frames) == ("geodesic", True, True, 60)
    assert (arguments.fps, arguments.scale) == (20, 32)


def test_a_path_that_no_command_finds_is_not_copied(qtbot, window, session, engine):
    solved(engine, is_from_file=False)
    copy = part(window, QToolButton, "pathCopy")
    assert not copy.isEnabled()
    assert "save the model first" in copy.toolTip()


def test_a_kept_path_is_shown_again_as_it_was(window, session, engine, undo):
    from latentlab.controllers.commands import ShowPath

    undo.push(ShowPath(session, WAYPOINTS * 2, PathStyle("spherical", is_closed=True)))
    assert session.path_style.kind == "spherical"
    assert part(window, QComboBox, "pathKind").currentData() == "spherical"
    undo.undo()
    np.testing.assert_array_equal(session.path, WAYPOINTS)
    assert session.path_style == PathStyle()


def test_while_another_path_is_found_the_former_one_cannot_be_exported(qtbot, window, session, engine):
    solved(engine)
    export, copy = (part(window, QToolButton, name) for name in ("pathExport", "pathCopy"))
    assert export.isEnabled()
    assert copy.isEnabled()
    before = engine.count(SolvePath)
    session.set_path(WAYPOINTS + 1)
    qtbot.waitUntil(lambda: engine.count(SolvePath) > before)
    assert not export.isEnabled()
    assert not copy.isEnabled()
    assert not window.actions_.export_film.isEnabled()
    solved(engine)
    assert export.isEnabled()


def test_a_film_that_is_written_offers_its_folder_and_its_command(window, engine, tmp_path):
    solved(engine)
    path = str(tmp_path / "film.gif")
    window.path_controller.write_film(path, 3)
    assert engine.last(ExportFilm).scale == 3
    engine.filmExported.emit(FilmExported(path, 60))
    buttons = {button.text(): button for button in window.notifications.findChildren(QPushButton)}
    assert "Show in folder" in buttons
    buttons["Copy as command"].click()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words[:2] == ["latentlab", "path"]
    assert words[-4:] == ["--scale", "3", "--out", path]
