"""Notifications are removed with their cause."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPushButton, QWidget

from latentlab.config import RunConfig
from latentlab.config.events import Checkpoint
from latentlab.controllers.notifications import NotificationsController
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import (
    Failed,
    OpenModel,
    RestartWorker,
    Train,
    TrainingEvent,
    WorkerLost,
    WorkerReady,
)
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.training import TrainingPanel
from latentlab.gui.widgets.toasts import Toasts


@pytest.fixture
def cards(qtbot, session, engine, activity):
    host, panel, curves = QWidget(), TrainingPanel(), TrainingCurves()
    for widget in (host, panel, curves):
        qtbot.addWidget(widget)
    training = TrainingController(session, engine, panel, curves, activity)
    cards, asked = Toasts(host), []
    cards.asked = asked
    cards.controller = NotificationsController(engine, training, cards, asked.append, asked.append)
    return cards


@pytest.mark.logs("another matter", "the disk is full")
def test_a_full_disk_is_reported_until_the_run_could_be_written(cards, engine):
    engine.failed.emit(Failed("Decode", "another matter"))
    engine.failed.emit(Failed("Checkpoint", "the disk is full"))
    assert cards.messages() == ["another matter", "the disk is full"]
    engine.trainingEvent.emit(TrainingEvent(Checkpoint("run/checkpoint.safetensors", 7)))
    assert cards.messages() == ["another matter"]


def action(cards, text: str) -> QPushButton:
    return next(each for each in cards.findChildren(QPushButton) if each.text() == text)


@pytest.mark.logs("ended with the worker")
def test_row_44_a_request_that_was_lost_with_its_worker_is_offered_again(cards, engine):
    lost = OpenModel("other.safetensors")
    engine.failed.emit(Failed("OpenModel", "Opening other.safetensors ended with the worker.", again=lost))
    action(cards, "Try again").click()
    assert cards.asked == [lost]
    assert cards.messages() == []


@pytest.mark.logs("The worker keeps ending")
def test_row_44_the_offer_to_start_the_worker_ends_when_it_is_ready(cards, engine):
    engine.failed.emit(Failed("start", "The worker keeps ending.", again=RestartWorker()))
    assert action(cards, "Start the worker").isEnabled()
    engine.workerReady.emit(WorkerReady("cpu", ("cpu",), {}, 0))
    assert cards.messages() == []


@pytest.mark.parametrize(
    ("has_checkpoint", "offer"), [(True, "Resume from the checkpoint"), (False, "Start the run again")]
)
@pytest.mark.logs("The worker was ended")
def test_row_43_a_lost_run_is_resumed_only_if_it_has_a_checkpoint(cards, engine, has_checkpoint, offer):
    again = Train(RunConfig(), "run", resume=has_checkpoint)
    engine.workerLost.emit(WorkerLost(-9, "The worker was ended by SIGKILL.", "run", "", again, has_checkpoint))
    action(cards, offer).click()
    assert cards.asked == [again]
