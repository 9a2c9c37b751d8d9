"""Row 45: what is wrong with the worker is said in the status line, with the offer to restart it."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from latentlab.controllers import worker_status
from latentlab.controllers.worker_status import WorkerStatusController
from latentlab.engine.protocol.messages import FunctionRunning, RestartWorker, WorkerState, WorkerStatus
from latentlab.state.activity import ActivityEntry


@pytest.fixture
def window(qtbot, session, engine, activity, status):
    window = QWidget()
    qtbot.addWidget(window)
    window.controller = WorkerStatusController(session, engine, activity, window)
    return window


def action(status) -> QPushButton:
    return status.findChild(QPushButton, "statusCancel")


@pytest.mark.parametrize(
    ("state", "message", "offer"),
    [
        (WorkerState.NOT_ANSWERING, "The worker does not answer", "Restart the worker"),
        (WorkerState.GIVEN_UP, "The worker keeps ending and is not running", "Start the worker"),
    ],
)
def test_the_status_says_what_is_wrong_before_all_else_and_offers_to_restart(
    window, engine, activity, status, state, message, offer
):
    engine.workerStatus.emit(WorkerStatus(state))
    activity.begin("later", ActivityEntry("Opening photos", cancel=lambda: None))
    assert status.message() == message
    assert action(status).text() == offer
    action(status).click()
    assert engine.asked == [RestartWorker()]
    engine.workerStatus.emit(WorkerStatus(WorkerState.RESTARTING))
    assert status.message() == "The worker is being started again"
    assert action(status).isHidden()
    engine.workerStatus.emit(WorkerStatus(WorkerState.READY))
    assert (status.message(), action(status).text()) == ("Opening photos", "Cancel")


def test_a_restart_that_costs_a_run_something_is_asked_about(window, engine, activity, status, session):
    session.set_run_state("running")
    engine.workerStatus.emit(WorkerStatus(WorkerState.NOT_ANSWERING, run="run"))
    assert status.message() == "The worker does not answer; a step of the run may take long"
    activity.cancel()
    assert engine.asked == []
    box = window.findChild(QMessageBox)
    assert box.defaultButton().text() == "Wait"
    next(each for each in box.findChildren(QPushButton) if each.text() == "Restart the worker").click()
    assert engine.asked == [RestartWorker()]


def test_slow_calls_one_after_another_are_one_wait(qtbot, session, engine, activity, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(worker_status, "LINGER_MS", 200)
    monkeypatch.setattr("latentlab.controllers.worker_status.time.monotonic", lambda: now[0])
    window = QWidget()
    qtbot.addWidget(window)
    WorkerStatusController(session, engine, activity, window, window)
    engine.functionRunning.emit(FunctionRunning("decode", 1.0))
    assert activity.shown.text == "Your function decode is running (1 s)"
    engine.functionRunning.emit(FunctionRunning("decode", 0.0))
    assert activity.shown.text == "Your function decode is running (1 s)"
    now[0] += 2
    engine.functionRunning.emit(FunctionRunning("decode", 1.0))
    assert activity.shown.text == "Your function decode is running (3 s)"
    engine.functionRunning.emit(FunctionRunning("decode", 0.0))
    qtbot.waitUntil(lambda: "function" not in activity.shown.text)
