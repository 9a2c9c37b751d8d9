"""Autosaves: written while the window is open, offered after a crash, and kept until the user decides."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from latentlab.config import DataConfig, RunConfig
from latentlab.config.events import Progress, Started
from latentlab.controllers.autosave import AutosaveController
from latentlab.controllers.session_restore import SessionRestorer
from latentlab.controllers.session_snapshot import SessionSnapshots
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import DatasetInfo, OpenDataset, OpenModel, Train, TrainingEvent, TrainingState
from latentlab.errors import RunError
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.training import TrainingPanel
from latentlab.gui.widgets.toasts import Toasts
from latentlab.state.board import BoardItem, Direction, Latent
from latentlab.state.map_axes import AxesChoice
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from latentlab.storage.session_file import SessionFile, abandoned_autosaves, autosave_path, read_session, write_session
from tests.controllers.conftest import model_info, some_points


def dataset_info(source: str = "photos") -> DatasetInfo:
    return DatasetInfo(source, source, 10, (1, 8, 8), (), (), 9, 1, (), 0, DataConfig(image_size=8), 640)


class Cards(Toasts):
    """Records the notifications."""

    def __init__(self, host):
        super().__init__(host)
        self.cards = []
        self.important, self.threads = [], []

    def notify(self, level, message, details="", actions=(), important=False, seconds=0.0):
        self.cards.append((message, dict(actions)))
        self.important.append(important)
        self.threads.append(threading.current_thread())


def autosave_of(session, engine, training, cards):
    snapshots = SessionSnapshots(session, (), cards)
    restorer = SessionRestorer(session, engine, training, snapshots)
    return AutosaveController(session, snapshots, restorer, cards, restorer)


@pytest.fixture
def parts(qtbot, session, engine, activity):
    panel, curves = TrainingPanel(), TrainingCurves()
    for widget in (panel, curves):
        qtbot.addWidget(widget)
    training = TrainingController(session, engine, panel, curves, activity)
    cards = Cards(panel)
    recovery = autosave_of(session, engine, training, cards)
    yield recovery, training, cards
    recovery.close()


def ended_process_id() -> int:
    return int(
        subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True).stdout
    )


def test_the_autosave_follows_the_session_and_is_removed_by_a_normal_end(parts, session):
    recovery, _, _ = parts
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_latent([1, -1])
    recovery.autosave()
    assert read_session(autosave_path()).latent == (1.0, -1.0)
    recovery.close()
    assert not autosave_path().exists()


@pytest.mark.parametrize("source", ["|".join(["/photos/of a holiday"] * 500), "/photos/\udcff"], ids=["long", "bytes"])
def test_whatever_dataset_is_open_is_kept(parts, session, source):
    recovery, _, cards = parts
    session.set_dataset(dataset_info(source))
    recovery.autosave()
    assert read_session(autosave_path()).dataset == source
    assert cards.cards == []


def test_what_cannot_be_kept_is_left_out_and_said_once_and_the_rest_is_saved(parts, session):
    recovery, _, cards = parts
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_dataset(dataset_info("a" * 2_000_000))
    for latent in ([1, -1], [0.5, 0]):
        session.set_latent(latent)
        recovery.autosave()
    saved = read_session(autosave_path())
    assert (saved.dataset, saved.latent) == ("", (0.5, 0.0))
    ((message, _),) = cards.cards
    assert message == (
        "A part of the session is not saved: the dataset cannot be kept: it has 2,000,000 characters, more than "
        "1,048,576."
    )


def test_autosaving_does_not_wait_for_the_disk(parts, session, qtbot, monkeypatch):
    may_write, threads = threading.Event(), []

    def slow_disk(path, snapshot):
        threads.append(threading.current_thread())
        assert may_write.wait(30)
        write_session(path, snapshot)

    monkeypatch.setattr("latentlab.controllers.autosave.write_session", slow_disk)
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_run_state("running")
    assert not autosave_path().exists()
    may_write.set()
    qtbot.waitUntil(autosave_path().exists)
    assert threads == [thread for thread in threads if thread is not threading.main_thread()] != []


def test_an_autosave_that_cannot_be_written_is_reported(parts, session, qtbot, monkeypatch):
    recovery, _, cards = parts

    def full(path, snapshot):
        raise RunError("the disk is full")

    monkeypatch.setattr("latentlab.controllers.autosave.write_session", full)
    session.set_model(model_info(2), 1, is_new_model=True)
    with qtbot.waitSignal(recovery.autosaveFailed):
        session.set_run_state("running")
    qtbot.waitUntil(lambda: bool(cards.cards))
    assert cards.cards == [("The session cannot be autosaved: the disk is full", {})]
    assert cards.important == [True]
    assert cards.threads == [threading.main_thread()], "row 34: a slot is called on its own thread"
    monkeypatch.setattr("latentlab.controllers.autosave.write_session", write_session)
    with qtbot.waitSignal(recovery.autosaved):
        session.set_run_state("idle")


def test_row_11_a_crashed_windows_session_is_offered_and_restored(parts, session, engine):
    recovery, _, cards = parts
    path = autosave_path(ended_process_id())
    run = RunConfig()
    write_session(
        path,
        SessionFile(
            model="m.safetensors", dataset="photos", latent=(0.5, 2.0), axes=("z2", "z1"),
            run_folder="run", run_config=run, run_was_live=True,
        ),
    )  # fmt: skip
    recovery.offer()
    ((message, actions),) = cards.cards
    assert "run" in message
    assert path.exists(), "it is kept until the user decides"
    actions["Restore"]()
    assert not path.exists()
    assert engine.last(OpenModel).source == "m.safetensors"
    assert engine.last(OpenDataset).source == "photos"
    session.set_model(model_info(2), 1, is_new_model=True)
    assert session.latent.tolist() == [0.5, 2.0]
    assert session.axes == AxesChoice("z2", "z1")
    session.set_dataset(dataset_info())
    assert engine.last(Train).resume
    assert engine.last(Train).out == "run"


def test_row_11_discard_removes_it(parts):
    recovery, _, cards = parts
    path = autosave_path(ended_process_id())
    write_session(path, SessionFile(model="bundled:mnist-2d"))
    recovery.offer()
    cards.cards[0][1]["Discard"]()
    assert not path.exists()


def test_row_13_an_unreadable_autosave_is_kept_as_a_backup_and_reported(parts):
    recovery, _, cards = parts
    path = autosave_path(ended_process_id())
    path.parent.mkdir(parents=True)
    path.write_text("garbage")
    recovery.offer()
    assert "could not be read" in cards.cards[0][0]
    assert cards.important == [True]
    assert path.with_name(path.name + ".bad").read_text() == "garbage"


def test_values_of_a_session_that_do_not_fit_the_model_are_ignored(parts, session):
    recovery, _, _ = parts
    recovery.restore(SessionFile(model="m.safetensors", latent=(1.0, 2.0, 3.0), label=4))
    session.set_model(model_info(2), 1, is_new_model=True)
    assert session.latent.tolist() == [0, 0]
    assert session.label is None


def test_a_run_interrupted_by_closing_is_offered_once_at_the_next_start(parts, session, engine, tmp_path, monkeypatch):
    recovery, training, cards = parts
    run = tmp_path / "run"
    run.mkdir()
    (run / "checkpoint.safetensors").touch()
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_dataset(dataset_info())
    training.start(RunConfig(), str(run))
    engine.trainingEvent.emit(TrainingEvent(Started("vae", 90, 10, "cpu", 1000, 2, (1, 8, 8), 0, 4, 10)))
    engine.trainingEvent.emit(TrainingEvent(Progress(31, 40, 4, 4, {"elbo": -1.0}, 1.0, 1.0, None)))
    recovery.note_closing()
    engine.trainingState.emit(TrainingState("idle", str(run)))
    recovery.close()
    monkeypatch.setattr("latentlab.storage.session_file.is_running", lambda _process: False)
    after = autosave_of(Session(), engine, training, cards)
    after.offer()
    after.offer()
    ((message, actions),) = cards.cards
    assert message == f"The run run was closed at epoch 3.1 of {RunConfig().training.epochs}."
    actions["Resume"]()
    assert engine.last(OpenDataset).source == "photos"
    after.close()


def test_the_board_is_autosaved_and_restored_beside_what_is_kept_already(parts, session):
    recovery, _, _ = parts
    kept, there = (
        BoardItem(name, Latent(np.array([1, 2], np.float32)), latent_dim=2, id=number)
        for name, number in (("kept", "a1"), ("there", "b2"))
    )
    session.board.set_items([kept])
    recovery.autosave()
    saved = read_session(autosave_path())
    session.board.set_items([there])
    recovery.restore(saved)
    assert [item.name for item in session.board.items] == ["there", "kept"]
    assert session.board.items[1].content.z.tolist() == [1, 2]
    recovery.restore(saved)
    assert len(session.board.items) == 2


def test_the_selection_and_the_colours_are_restored_once_their_images_are_encoded(parts, session):
    recovery, _, _ = parts
    selected, points = Selection(np.array([3, 7]), "f", "lasso"), replace(some_points(2), fingerprint="f")
    session.set_model(model_info(2), 1, is_new_model=True)
    session.set_points(points)
    session.set_selection(selected)
    session.set_colour_by("size")
    recovery.autosave()
    saved = read_session(autosave_path())
    session.set_selection(None)
    session.set_colour_by("")
    session.set_points(None)
    recovery.restore(saved)
    assert session.selection is None
    session.set_points(replace(points, fingerprint="of other images"))
    assert session.selection is None
    session.set_points(points)
    assert (session.selection, session.selection.description, session.colour_by) == (selected, "lasso", "size")
    session.set_selection(None)
    session.set_points(replace(points, model_version=2))
    assert session.selection is None, "it is restored once"


def test_a_direction_on_the_map_is_restored_with_its_axis(parts, session, engine):
    recovery, _, _ = parts
    session.set_model(model_info(2), 1, is_new_model=True)
    direction = Direction(np.array([1, 1], np.float32), np.zeros(2, np.float32))
    session.board.set_items([BoardItem("d", direction, latent_dim=2, id="d1")])
    session.set_axes(AxesChoice("d:d1", "z2"))
    recovery.autosave()
    saved = read_session(autosave_path())
    session.board.set_items(())
    recovery.restore(saved)
    session.set_model(model_info(2), 2, is_new_model=True)
    assert session.axes == AxesChoice("d:d1", "z2")
    np.testing.assert_allclose(session.plane().x, [0.5**0.5, 0.5**0.5])


def test_a_window_closed_with_a_board_that_was_not_saved_offers_it_at_the_next_start(
    parts, session, engine, tmp_path, monkeypatch
):
    recovery, training, cards = parts
    item = BoardItem("kept", Latent(np.array([1, 2], np.float32)), latent_dim=2)
    session.set_model(model_info(2), 1, is_new_model=True)
    session.board.set_items([item])
    recovery.close()
    monkeypatch.setattr("latentlab.storage.session_file.is_running", lambda _process: False)
    fresh = Session()
    after = autosave_of(fresh, engine, training, cards)
    after.offer()
    ((message, actions),) = cards.cards
    assert message == "The last window was closed with 1 item on its Board. Restore its session?"
    assert cards.important == [True]
    assert len(abandoned_autosaves()) == 1, "it is kept until the user decides"
    actions["Restore"]()
    assert [item.name for item in fresh.board.items] == ["kept"]
    assert engine.last(OpenModel).source == "m.safetensors"
    after.save(tmp_path / "s.latentlab.json")
    after.close()
    assert not autosave_path().exists(), "it is saved elsewhere"
