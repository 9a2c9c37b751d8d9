"""The Export window: what can be written and why not, what the worker is asked for, and what is offered afterwards."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton

from latentlab.cli.parser import build_parser
from latentlab.controllers.copied_commands import python_of
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.export import ExportController
from latentlab.controllers.path import PathController
from latentlab.engine.protocol.messages import (
    CancelExport,
    DecodeMap,
    ExportCancelled,
    ExportFile,
    ExportProgress,
    Failed,
    FileExported,
    MapDecoded,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.export_dialog import KINDS, ExportChoice
from latentlab.gui.widgets.new_folder import NewFolderDialog
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def export(qtbot, session, engine, undo, activity):
    latent_map = LatentMap()
    window = MainWindow(latent_map)
    qtbot.addWidget(window)
    explore = ExploreController(session, undo, latent_map, window.latent_sliders, window)
    path = PathController(session, engine, explore, undo, latent_map, window, activity, window)
    controller = ExportController(session, engine, latent_map, path, window, activity, window)
    controller.window = window
    session.set_model(model_info(2, source="bundled:m"), 1, is_new_model=True)
    session.set_latent(np.array([0.5, -1.25], np.float32))
    yield controller
    controller.close()


def messages(window):
    return [label.text() for label in window.notifications.findChildren(QLabel)]


def test_the_window_is_not_modal_and_greys_what_cannot_be_written_with_its_reason(export, session, engine, undo):
    dialog = export.open("latents")
    assert not dialog.isModal()
    assert dialog.isVisible()
    reason = dialog.findChild(QLabel, "exportReason")
    button = dialog.findChild(QPushButton, "exportButton")
    assert reason.text() == "No images are encoded: open the images first."
    assert not button.isEnabled()
    session.set_points(some_points())
    assert button.isEnabled()
    dialog.show_kind("history")
    assert "There is no run" in reason.text()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert undo.count() == 0


def test_a_format_that_cannot_be_written_is_greyed_and_another_one_chosen(export, monkeypatch):
    from latentlab.controllers import export as module

    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "av" else object())
    dialog = export.open("history")
    box = dialog.findChild(QComboBox, "exportFormat")
    assert box.currentData() == ".gif"
    assert not box.model().item(0).isEnabled()
    assert "PyAV is not installed" in box.toolTip()


def test_the_worker_is_asked_for_what_is_shown(export, session, engine, tmp_path):
    session.set_points(some_points())
    export.write(ExportChoice("traversals", ".png", scale=3), str(tmp_path / "t.png"))
    request = engine.last(ExportFile)
    assert (request.what, request.scale, request.dimensions) == ("traversals", 3, (0, 1))
    np.testing.assert_array_equal(request.z, [0.5, -1.25])
    assert request.values[[0, -1]].tolist() == [-3, 3]
    export.write(ExportChoice("latents", ".csv", with_images=True), str(tmp_path / "z.csv"))
    assert not engine.last(ExportFile).with_images  # none are open


def test_progress_can_be_cancelled_and_ends_with_an_offer(qtbot, export, engine, activity, tmp_path):
    dialog = export.open("card")
    path = str(tmp_path / "c.md")
    export.write(ExportChoice("card", ".md"), path)
    engine.exportProgress.emit(ExportProgress(1, 4))
    assert dialog.findChild(QLabel, "exportProgress").text() == "25 %"
    qtbot.mouseClick(dialog.findChild(QPushButton, "exportCancel"), Qt.MouseButton.LeftButton)
    assert engine.count(CancelExport) == 1
    engine.exportCancelled.emit(ExportCancelled())
    assert not dialog.findChild(QPushButton, "exportCancel").isVisible()
    export.write(ExportChoice("card", ".md"), path)
    engine.fileExported.emit(FileExported(path, "the model's card, c.md"))
    assert "Exported the model's card, c.md" in messages(export.window)
    offers = [b.text() for b in export.window.notifications.findChildren(QPushButton)]
    assert "Show in folder" in offers
    assert "Copy as command" in offers


def test_a_failure_ends_the_progress_and_is_told_in_the_window_too(export, engine):
    dialog = export.open("card")
    export.write(ExportChoice("card", ".md"), "/tmp/c.md")
    engine.failed.emit(Failed("ExportFile", "cannot write it"))
    assert dialog.findChild(QLabel, "exportProgress").text() == ""
    assert dialog.findChild(QLabel, "exportOutcome").text() == "Not exported: cannot write it"
    assert not dialog.findChild(QPushButton, "exportShowFolder").isVisible()


def test_what_was_written_is_told_in_the_window_with_its_folder(qtbot, export, engine, monkeypatch, tmp_path):
    from latentlab.controllers import exports

    shown = []
    monkeypatch.setattr(exports.QDesktopServices, "openUrl", lambda url: shown.append(url.toLocalFile()))
    dialog = export.open("card")
    outcome = dialog.findChild(QLabel, "exportOutcome")
    assert not outcome.isVisible()
    path = str(tmp_path / "c.md")
    export.write(ExportChoice("card", ".md"), path)
    engine.fileExported.emit(FileExported(path, "the model's card, c.md"))
    assert outcome.isVisible()
    assert outcome.text() == "Exported the model's card, c.md"
    qtbot.mouseClick(dialog.findChild(QPushButton, "exportShowFolder"), Qt.MouseButton.LeftButton)
    assert shown == [str(tmp_path)]
    export.write(ExportChoice("card", ".md"), path)  # the next one is not done yet
    assert not outcome.isVisible()
    engine.exportCancelled.emit(ExportCancelled())
    assert outcome.text() == "Cancelled: nothing was exported"


def folder_dialog(qtbot, export, kind):
    dialog = export.open(kind)
    qtbot.mouseClick(dialog.findChild(QPushButton, "exportButton"), Qt.MouseButton.LeftButton)
    return next(each for each in dialog.findChildren(NewFolderDialog) if each.isVisible())


def test_a_folder_is_asked_for_by_place_and_name_and_need_not_exist(qtbot, export, session, engine, tmp_path):
    session.set_points(some_points())
    asked = folder_dialog(qtbot, export, "projector")
    assert asked.findChild(QLineEdit, "newFolderName").text() == "m-projector"
    asked.findChild(QLineEdit, "newFolderPlace").setText(str(tmp_path))
    assert f"new folder {tmp_path}/m-projector" in asked.findChild(QLabel, "newFolderSays").text()
    qtbot.keyClick(asked.findChild(QLineEdit, "newFolderName"), Qt.Key.Key_Return)
    assert engine.last(ExportFile).path == str(tmp_path / "m-projector")
    (tmp_path / "m-projector").mkdir()
    asked = folder_dialog(qtbot, export, "projector")  # beside the last one, under a name that is not taken
    assert asked.path() == str(tmp_path / "m-projector-2")
    qtbot.keyClick(asked, Qt.Key.Key_Escape)
    assert engine.count(ExportFile) == 1


def test_a_folder_with_files_is_refused_while_it_is_named_and_an_empty_one_is_not(
    qtbot, export, session, engine, tmp_path
):
    session.set_points(some_points())
    full, empty = tmp_path / "full", tmp_path / "empty"
    for folder in (full, empty):
        folder.mkdir()
    (full / "file").write_text("x")
    asked = folder_dialog(qtbot, export, "projector")
    name, says = asked.findChild(QLineEdit, "newFolderName"), asked.findChild(QLabel, "newFolderSays")
    accept = asked.findChild(QPushButton, "newFolderAccept")
    for wrong, reason in ((str(full), "is not empty"), (str(full / "file"), "is no folder"), ("", "Give a place")):
        name.setText(wrong)
        assert reason in says.text()
        assert not accept.isEnabled()
    qtbot.keyClick(name, Qt.Key.Key_Return)
    assert engine.count(ExportFile) == 0
    name.setText(str(empty))
    assert "empty folder" in says.text()
    qtbot.mouseClick(accept, Qt.MouseButton.LeftButton)
    assert engine.last(ExportFile).path == str(empty)


def test_the_map_is_drawn_with_a_manifold_decoded_for_its_size(qtbot, export, session, engine, tmp_path):
    session.set_points(some_points())
    path = tmp_path / "map.png"
    export.write(ExportChoice("map", ".png", 640, 480, 2), str(path))
    request = engine.last(DecodeMap)
    assert (request.columns, request.rows) >= (8, 5)
    tiles = np.full((request.rows, request.columns, 8, 8), 77, np.uint8)
    engine.mapDecoded.emit(MapDecoded(request.generation, 1, tiles, "ab12"))
    qtbot.waitUntil(path.exists)
    with Image.open(path) as picture:
        assert picture.size == (640, 480)
        assert '"model_sha256": "ab12"' in picture.text["latentlab"]
        colours = np.asarray(picture).reshape(-1, 3)
    assert (colours == 77).all(axis=1).mean() > 0.3
    qtbot.waitUntil(lambda: any("the map in map.png" in text for text in messages(export.window)))


def test_a_map_over_an_open_file_is_refused_in_a_sentence(export, engine, session, tmp_path):
    model = tmp_path / "m.safetensors"
    model.write_bytes(b"x")
    session.set_model(model_info(2, source=str(model)), 2, is_new_model=True)
    export.write(ExportChoice("map", ".png"), str(model))
    assert any("is an input" in text for text in messages(export.window))
    assert engine.count(DecodeMap) == 0


_OF_MODEL = [kind.name for kind in KINDS if kind.name not in ("strip", "path", "history", "curves")]


@pytest.mark.parametrize("kind", _OF_MODEL)
def test_copied_commands_are_accepted_by_the_command_line(export, session, kind):
    session.set_points(some_points())
    suffix = next(each.formats[0][0] for each in KINDS if each.name == kind)
    command = export.command(ExportChoice(kind, suffix), "out.file")
    words = shlex.split(command)
    assert words[0] == "latentlab"
    assert callable(build_parser().parse_args(words[1:]).run)
    assert f"main([{', '.join(map(repr, words[1:]))}])" in python_of(command)


def test_copy_as_command_and_as_python(export, session):
    dialog = export.open("image")
    dialog.findChild(QPushButton, "exportCopyCommand").click()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("latentlab decode bundled:m --z=0.5,-1.25 --scale ")
    dialog.findChild(QPushButton, "exportCopyPython").click()
    assert QGuiApplication.clipboard().text().startswith("from latentlab.cli import main")


def test_curves_are_written_as_they_are_shown_and_no_command_draws_them(qtbot, export, monkeypatch, tmp_path):
    curves = export.window.curves
    monkeypatch.setattr(curves, "has_picture", lambda: True)
    monkeypatch.setattr(curves, "pixels", lambda ratio: np.full((20, 30, 3), int(40 * ratio), np.uint8))
    export.write(ExportChoice("curves", ".png", detail=2), str(tmp_path / "c.png"))
    qtbot.waitUntil((tmp_path / "c.png").exists)
    with Image.open(tmp_path / "c.png") as picture:
        assert np.asarray(picture).max() == 80
    export.copy(ExportChoice("curves", ".png"), "command")
    assert any("There is no run" in text for text in messages(export.window))


def test_plots_are_drawn_larger(qtbot):
    from latentlab.gui.curves.panel import TrainingCurves

    curves = TrainingCurves()
    qtbot.addWidget(curves)
    curves.resize(300, 240)
    curves.show()
    assert not curves.has_picture()
    curves.start_run("run", "run")
    for epoch in (1, 2, 3):
        curves.add_epoch(epoch, {"elbo": -100.0 + epoch}, {"elbo": -101.0 + epoch})
    qtbot.waitUntil(lambda: curves.has_picture() and curves.is_up_to_date())
    small, large = curves.pixels(), curves.pixels(2.0)
    assert large.shape == (2 * small.shape[0], 2 * small.shape[1], 3)
    assert len(np.unique(large.reshape(-1, 3), axis=0)) > 10
