"""Session files: opened whole or not at all, saved, and their name and state in the window's title."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox

from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.session_document import SessionDocumentController
from latentlab.controllers.session_restore import SessionRestorer
from latentlab.controllers.session_snapshot import SessionSnapshots
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import Failed, OpenDataset, OpenModel
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.state.board import BoardItem, Latent
from latentlab.state.path_style import PathStyle
from latentlab.storage.session_file import SCHEMA_VERSION, SessionFile, read_session, write_session
from tests.controllers.conftest import model_info


class Parts:
    """The controllers of a window's session."""

    def __init__(self, session, engine, activity, window):
        training = TrainingController(session, engine, window.training_panel, window.curves, activity)
        snapshots = SessionSnapshots(session, (), window.notifications)
        self.restorer = SessionRestorer(session, engine, training, snapshots, (), window)
        self.autosave = AutosaveController(session, snapshots, self.restorer, window.notifications, window)
        self.document = SessionDocumentController(session, self.autosave, self.restorer, window, (), window)
        self.window = window

    def title(self) -> str:
        return self.window.windowTitle()

    def said(self) -> list[str]:
        return self.window.notifications.messages()


@pytest.fixture
def parts(qtbot, session, engine, activity):
    window = MainWindow(LatentMap())
    qtbot.addWidget(window)
    parts = Parts(session, engine, activity, window)
    yield parts
    parts.autosave.close()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.safetensors"
    path.touch()
    return str(path)


def show(session, source, version=1):
    session.set_model(model_info(2, source=source), version, is_new_model=True)


def kept(name: str, identity: str) -> BoardItem:
    return BoardItem(name, Latent(np.array([1, 2], np.float32)), latent_dim=2, id=identity)


def answer(window, name: str) -> None:
    """Press a button of the question that is open."""
    box = window.findChildren(QMessageBox)[-1]
    next(button for button in box.buttons() if button.text() == name).click()


def test_a_saved_session_is_named_in_the_title_and_marked_when_something_changes(
    parts, session, qtbot, tmp_path, model
):
    show(session, model)
    assert parts.title() == "m[*] — latentlab"
    parts.document.save_as(str(tmp_path / "study"))
    assert Path(parts.document.file) == tmp_path / "study.latentlab.json"
    assert (parts.title(), parts.window.isWindowModified()) == ("study[*] — m — latentlab", False)
    session.set_latent([1, 2])
    qtbot.waitUntil(parts.window.isWindowModified)
    session.set_latent([0, 0])
    qtbot.waitUntil(lambda: not parts.window.isWindowModified())
    session.set_path(np.zeros((2, 2), np.float32))
    qtbot.waitUntil(parts.window.isWindowModified)
    parts.window.actions_.save_session.trigger()
    assert not parts.window.isWindowModified()
    assert read_session(tmp_path / "study.latentlab.json").path.latent_dim == 2


def test_path_style_and_level_come_back_with_the_model(parts, session, engine, tmp_path, model):
    show(session, model)
    path = np.array([[0, 1], [2, 3], [4, 5]], np.float32)
    session.set_path(path)
    session.set_path_style(PathStyle("geodesic", is_closed=True, is_even=True))
    parts.document.save_as(str(tmp_path / "study"))
    session.set_path(None)
    session.set_path_style(PathStyle())
    parts.document.open(str(tmp_path / "study.latentlab.json"))
    assert engine.last(OpenModel).source == model
    show(session, model, 2)
    np.testing.assert_array_equal(session.path, path)
    assert session.path_style == PathStyle("geodesic", is_closed=True, is_even=True)


def test_a_session_just_opened_is_not_modified_and_one_whose_model_fails_is_settled(
    parts, session, engine, qtbot, tmp_path, model
):
    write_session(tmp_path / "a.latentlab.json", SessionFile(model=model, latent=(1, 2)))
    show(session, "bundled:mnist-2d")
    with qtbot.waitSignal(parts.restorer.restored):
        parts.document.open(str(tmp_path / "a.latentlab.json"))
        show(session, model, 2)
    assert (session.latent.tolist(), parts.window.isWindowModified()) == ([1, 2], False)
    with qtbot.waitSignal(parts.restorer.restored):
        parts.document.open(str(tmp_path / "a.latentlab.json"))
        engine.failed.emit(Failed("OpenModel", "no model", ""))
    assert not parts.restorer.is_restoring


def test_a_session_of_a_newer_version_opens_nothing_and_stays_as_it_is(parts, session, engine, tmp_path):
    path = tmp_path / "new.latentlab.json"
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "model": "x"}))
    before = path.read_bytes()
    parts.document.open(str(path))
    assert "newer latentlab" in parts.said()[0]
    assert engine.count(OpenModel) == 0
    assert (parts.document.file, path.read_bytes()) == ("", before)


def test_a_missing_model_is_asked_for_before_anything_opens(parts, session, engine, qtbot, tmp_path, model):
    gone = tmp_path / "was here"
    (tmp_path / "photos").mkdir()
    saved = SessionFile(model=str(gone / "m.safetensors"), dataset=str(gone / "photos"), latent=(1, 2))
    write_session(tmp_path / "a.latentlab.json", saved)
    parts.document.open(str(tmp_path / "a.latentlab.json"))
    assert engine.count(OpenModel) == 0
    answer(parts.window, "Cancel")
    assert (engine.asked, parts.document.file) == ([], "")
    parts.document.open(str(tmp_path / "a.latentlab.json"))
    answer(parts.window, "Find it…")
    dialog = parts.window.findChildren(QFileDialog)[-1]
    assert dialog.windowTitle() == "Find m.safetensors"
    dialog.fileSelected.emit(model)
    dialog.close()
    assert engine.last(OpenModel).source == model
    assert engine.last(OpenDataset).source == str(tmp_path / "photos"), "found by the same move"


def test_without_its_images_a_session_opens_the_rest(parts, engine, tmp_path, model):
    write_session(tmp_path / "a.latentlab.json", SessionFile(model=model, dataset=str(tmp_path / "gone")))
    parts.document.open(str(tmp_path / "a.latentlab.json"))
    answer(parts.window, "Open without it")
    assert engine.last(OpenModel).source == model
    assert engine.count(OpenDataset) == 0


def test_a_file_that_another_window_has_changed_is_said_once_and_asked_about(parts, session, qtbot, tmp_path, model):
    show(session, model)
    parts.document.save_as(str(tmp_path / "a"))
    path = Path(parts.document.file)
    write_session(path, SessionFile(model="of another window"))
    for _ in range(2):
        with qtbot.waitSignal(parts.document.looked):
            parts.document.look()
    assert sum("changed by another" in text for text in parts.said()) == 1
    assert parts.window.isWindowModified()
    parts.window.actions_.save_session.trigger()
    answer(parts.window, "Keep it")
    assert read_session(path).model == "of another window"
    parts.window.actions_.save_session.trigger()
    answer(parts.window, "Replace it")
    assert read_session(path).model == model


def test_a_file_that_vanishes_is_said_once_and_saving_writes_it_again(parts, session, qtbot, tmp_path, model):
    show(session, model)
    parts.document.save_as(str(tmp_path / "a"))
    path = Path(parts.document.file)
    path.unlink()
    for _ in range(2):
        with qtbot.waitSignal(parts.document.looked):
            parts.document.look()
    assert sum("is gone from its folder" in text for text in parts.said()) == 1
    parts.window.actions_.save_session.trigger()
    assert read_session(path).model == model


def test_the_board_of_another_session_replaces_saved_items_and_keeps_unsaved_ones(parts, session, tmp_path, model):
    session.board.set_items([kept("saved", "a1")])
    parts.document.save_as(str(tmp_path / "first"))
    session.board.set_items([*session.board.items, kept("unsaved", "b2")])
    entry = {"id": "c3", "name": "other", "latent_dim": 2, "content": {"kind": "latent", "z": "AACAPwAAgD8="}}
    write_session(tmp_path / "second.latentlab.json", SessionFile(board=(entry,)))
    parts.document.open(str(tmp_path / "second.latentlab.json"))
    assert [item.name for item in session.board.items] == ["unsaved", "other"]
    assert any("1 item of the Board that was not saved in a session stayed" in text for text in parts.said())
    assert parts.window.isWindowModified()


def test_a_run_that_is_active_is_not_started_by_opening_the_session(parts, session, tmp_path, model):
    show(session, model)
    session.set_run_state("running", str(tmp_path))
    parts.document.save_as(str(tmp_path / "a"))
    assert not read_session(Path(parts.document.file)).run_was_live


def test_the_last_session_is_offered_at_the_next_start_and_keeps_its_file(
    parts, session, engine, activity, qtbot, tmp_path, model
):
    show(session, model)
    session.set_latent([1, 2])
    parts.document.save_as(str(tmp_path / "a"))
    session.set_latent([3, 4])
    qtbot.waitUntil(parts.window.isWindowModified)
    parts.autosave.note_closing()
    parts.autosave.close()
    session.set_model(None, 2, is_new_model=True)
    again = MainWindow(LatentMap())
    qtbot.addWidget(again)
    after = Parts(session, engine, activity, again)
    assert not after.autosave.offer()
    after.autosave.offer_last()
    assert after.said() == ["The last window had a.latentlab.json open."]
    after.window.actions_.reopen_session.trigger()
    assert after.said() == []
    with qtbot.waitSignal(after.restorer.restored):
        show(session, model, 3)
    assert session.latent.tolist() == [3, 4]
    assert after.title() == "a[*] — m — latentlab"
    assert after.window.isWindowModified(), "what was not saved is not called saved"
    after.autosave.close()


def test_nothing_is_offered_after_a_window_that_had_only_the_model_it_opens_by_itself(
    parts, session, engine, activity, qtbot
):
    show(session, "bundled:mnist-2d")
    parts.autosave.close()
    parts.autosave.offer_last()
    assert parts.said() == []


def test_row_13_a_damaged_last_session_is_kept_and_reported(parts, own_folders):
    from latentlab.storage.session_file import last_session_path

    path = last_session_path()
    path.parent.mkdir(parents=True)
    path.write_text("garbage")
    parts.autosave.offer_last()
    assert "The last session could not be read and was kept as" in parts.said()[0]
    assert os.path.exists(f"{path}.bad")
