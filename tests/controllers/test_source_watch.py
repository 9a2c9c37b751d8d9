"""Files that change or vanish while they are open: said once, and nothing is lost."""

from __future__ import annotations

import os

import pytest

from latentlab.controllers.source_watch import SourceWatchController
from tests.controllers.conftest import model_info
from tests.controllers.test_autosave import Cards, dataset_info


@pytest.fixture
def cards(qtbot, window):
    return Cards(window)


@pytest.fixture
def window(qtbot):
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    return window


@pytest.fixture
def opened():
    return []


@pytest.fixture
def watch(session, cards, opened, window):
    return SourceWatchController(session, cards, opened.append, window)


@pytest.fixture
def look(watch, qtbot):
    def look() -> None:
        with qtbot.waitSignal(watch.looked):
            watch.look()

    return look


@pytest.fixture
def model(tmp_path, session, watch, qtbot):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"weights")
    with qtbot.waitSignal(watch.looked):
        session.set_model(model_info(2, source=str(path)), 1, is_new_model=True)
    return path


def test_a_model_file_that_changes_is_said_once_and_opened_again_if_wanted(model, look, cards, opened):
    model.write_bytes(b"other weights")
    for _ in range(2):
        look()
    ((message, actions),) = cards.cards
    assert message == "m.safetensors was changed on the disk; the window shows it as it was opened."
    actions["Open it again"]()
    assert opened == [str(model)]


def test_a_model_file_that_vanishes_is_said_once_and_the_model_stays(model, look, cards, session):
    model.unlink()
    for _ in range(2):
        look()
    ((message, _),) = cards.cards
    assert message.startswith("m.safetensors is gone from its folder; what is open stays open. Save model")
    assert session.model is not None


def test_the_model_of_a_run_that_goes_on_is_not_reported(session, watch, look, cards, tmp_path, qtbot):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"epoch 1")
    with qtbot.waitSignal(watch.looked):
        session.set_model(model_info(2, source=str(path)), 1, is_new_model=True)
    path.write_bytes(b"epoch two")
    look()
    assert cards.cards == []


def test_what_the_window_writes_itself_is_not_reported(model, watch, look, cards, qtbot):
    model.write_bytes(b"saved again by the window")
    with qtbot.waitSignal(watch.looked):
        watch.note_written(str(model))
    look()
    assert cards.cards == []


def test_a_folder_of_images_that_vanishes_is_said_and_names_that_are_no_paths_are_not_looked_for(
    session, watch, look, cards, qtbot, tmp_path
):
    folder = tmp_path / "photos"
    folder.mkdir()
    session.set_model(model_info(2, source="bundled:mnist-2d"), 1, is_new_model=True)
    with qtbot.waitSignal(watch.looked):
        session.set_dataset(dataset_info(str(folder)))
    os.utime(folder, (1, 1))  # a file more or less in it is no other folder
    look()
    assert cards.cards == []
    folder.rmdir()
    look()
    assert cards.cards == [("photos is gone from its folder; what is open stays open.", {})]
