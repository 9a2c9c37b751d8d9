"""The window answers the hand: hover, click, drag, keys, sliders, wheel."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from latentlab import app
from tests.app.conftest import SECONDS, at, find, shown


def changed(application, before):
    return lambda: not np.array_equal(before, shown(application))


def test_the_bundled_model_is_there_at_once(application, qtbot):
    assert application.session.model.name == "mnist-2d"
    assert shown(application).shape == (28, 28)
    assert shown(application).std() > 1
    qtbot.waitUntil(lambda: application.session.points is not None, timeout=SECONDS)
    assert len(application.session.points.mean) > 1000


def test_hovering_previews_and_leaving_shows_the_committed_latent_again(application, qtbot):
    viewport = application.latent_map.viewport()
    committed = shown(application)
    qtbot.mouseMove(viewport, at(application, (1.0, 1.0)))
    qtbot.waitUntil(changed(application, committed), timeout=SECONDS)
    assert application.session.latent.tolist() == [0, 0]
    application.latent_map.hovered.emit(None)
    qtbot.waitUntil(lambda: np.array_equal(committed, shown(application)), timeout=SECONDS)


def test_a_click_commits(application, qtbot):
    before = shown(application)
    qtbot.mouseClick(application.latent_map.viewport(), Qt.MouseButton.LeftButton, pos=at(application, (-1.5, 0.5)))
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    assert application.session.latent == pytest.approx([-1.5, 0.5], abs=0.05)
    assert find(application, "latentSlider0").value() == pytest.approx(-1.5, abs=0.05)


def test_a_drag_streams_and_is_undone_in_one_step(application, qtbot):
    viewport = application.latent_map.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(application, (0.0, 0.0)))
    seen = []
    application.session.latentChanged.connect(lambda: seen.append(application.session.latent))
    for x in (0.5, 1.0, 1.5):
        before = shown(application)
        qtbot.mouseMove(viewport, at(application, (x, 0.2)))
        qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(application, (1.5, 0.2)))
    assert len(seen) >= 3
    application.undo.undo()
    assert application.session.latent == pytest.approx([0, 0], abs=0.05)


def test_arrow_keys_nudge_and_shift_is_ten_times_finer(application, qtbot):
    application.window.activateWindow()
    application.latent_map.setFocus()
    qtbot.keyClick(application.latent_map, Qt.Key.Key_Right)
    coarse = application.session.latent[0]
    qtbot.keyClick(application.latent_map, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    fine = application.session.latent[0] - coarse
    assert coarse > 0
    assert fine == pytest.approx(coarse / 10, rel=1e-3)


def test_a_slider_is_the_same_as_the_map(application, qtbot):
    before = shown(application)
    find(application, "latentSlider1").setValue(1.25)
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    assert application.session.latent[1] == pytest.approx(1.25, abs=0.02)


def test_the_image_is_what_the_model_decodes(application, qtbot):
    from latentlab.models.inference import load_model

    before = shown(application)
    find(application, "latentSlider0").setValue(-0.75)
    qtbot.waitUntil(changed(application, before), timeout=SECONDS)
    decoded = load_model("bundled:mnist-2d").decode(application.session.latent[None])[0, 0] * 255
    assert np.abs(shown(application) - decoded).max() <= 1


def test_the_wheel_zooms_and_the_manifold_is_decoded_for_the_view(application, qtbot):
    latent_map = application.latent_map
    wide, done = latent_map.view(), []
    place = QPointF(at(application, (0.0, 0.0)))
    wheel = QWheelEvent(
        place, QPointF(latent_map.viewport().mapToGlobal(place.toPoint())), QPoint(), QPoint(0, 480),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(latent_map.viewport(), wheel)
    assert latent_map.view().x_max - latent_map.view().x_min < 0.9 * (wide.x_max - wide.x_min)
    asked = application._manifold.generation
    application.engine.gridTiles.connect(lambda result: done.append(result.done and result.generation > asked))
    qtbot.waitUntil(lambda: any(done), timeout=SECONDS)


def test_every_name_that_others_hold_on_to_is_there_and_accessible(application):
    names = (
        "mainWindow latentMap decodedImage latentSlider0 latentSlider1 datasetPath openDatasetButton openModelButton "
        "recipe latentDim epochs trainButton pauseButton stopButton trainingCurves progress statusMessage filmstrip "
        "notifications xAxis yAxis"
    )
    for name in names.split():
        widget = application.window if name == "mainWindow" else find(application, name)
        assert widget.accessibleName(), name


def test_honest_far_from_data_counts_every_dimension(qtbot, own_folders):
    """*Honest*: a latent far from all data along a dimension that the map does not show is not called near."""
    with closing(app.build(["bundled:mnist-10d", "--engine", "thread", "--device", "cpu"])) as application:
        application.window.show()
        session, badge, cue = application.session, find(application, "mapFarFromData"), find(application, "decodedCue")
        qtbot.waitUntil(lambda: session.points is not None and len(session.points.mean) > 0, timeout=SECONDS)
        shown_on_the_map = {int(session.axes.x[1:]) - 1, int(session.axes.y[1:]) - 1}
        hidden = next(dimension for dimension in range(10) if dimension not in shown_on_the_map)
        away = session.points.mean[0].copy()
        away[hidden] = 20.0
        session.set_latent(away)
        qtbot.waitUntil(lambda: badge.text() == cue.text() == "far from data", timeout=SECONDS)
        session.set_latent(session.points.mean[0])
        qtbot.waitUntil(lambda: badge.text() == cue.text() == "", timeout=SECONDS)


def test_honest_images_that_do_not_fit_the_model_are_said_so_where_one_looks(application, folder, qtbot):
    """*Honest*: points of the model's own images do not stay as if they were the open ones."""
    qtbot.waitUntil(lambda: application.session.points is not None, timeout=SECONDS)
    application.window.data_panel.open(str(folder))
    qtbot.waitUntil(lambda: application.session.dataset is not None, timeout=SECONDS)
    said = find(application, "datasetMisfit").text()
    assert said.startswith("These images (16 × 16 grey) do not fit the open model (28 × 28 grey)")
    assert said in application.window.notifications.messages()
    assert "not of the open ones" in find(application, "mapFreshness").text()
