"""The worker ends, hangs and is restarted under the real window (rows 22, 43, 44 and 45 of the reliability table)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton

from latentlab import app
from latentlab.config import ModelConfig, RunConfig, TrainingConfig
from latentlab.engine.protocol.messages import WorkerState
from latentlab.gui.widgets.dialogs import ReportDialog
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.training.step.optimizer_step import OptimizerStep
from tests.app.conftest import SECONDS, find, shown

pytestmark = [
    pytest.mark.real,
    pytest.mark.logs("the worker ended with code", "The worker", "ended with the worker", "The CPU"),
]


@pytest.fixture
def application(request, qtbot, own_folders):
    """The window with the bundled model; its worker is in the host that the test names."""
    application = app.build(["--engine", request.param, "--device", "cpu"])
    application.window.show()
    wait_for_image(application, qtbot)
    yield application
    application.close()


in_both_hosts = pytest.mark.parametrize("application", ["process", "thread"], indirect=True)
in_a_process = pytest.mark.parametrize("application", ["process"], indirect=True)


def wait_for_image(application, qtbot) -> None:
    qtbot.waitUntil(lambda: find(application, "decodedImage").image() is not None, timeout=SECONDS)


def wait_for_model(application, qtbot, source: str) -> None:
    def is_open() -> bool:
        model = application.session.model
        return model is not None and model.source == source and application.engine.status.model == source

    qtbot.waitUntil(is_open, timeout=SECONDS)


def wait_for_new_image(application, qtbot) -> None:
    """The image follows the latent: a worker with the model that the window shows answers."""
    before = shown(application)
    with qtbot.waitSignal(application.engine.decoded, timeout=SECONDS):
        application.latent_map.committed.emit(np.array([1.5, -1.0]), next_gesture())
    qtbot.waitUntil(lambda: not np.array_equal(shown(application), before), timeout=SECONDS)


def press(application, text: str) -> None:
    buttons = application.window.notifications.findChildren(QPushButton)
    next(each for each in buttons if each.text() == text).click()


def end_thread(*_):
    """Ends a worker's thread, which can only be done from within."""
    raise SystemExit(1)


@in_both_hosts
def test_row_43_before_a_runs_first_checkpoint_the_window_follows_to_the_model_before(
    application, folder, qtbot, monkeypatch
):
    """The run's model has more dimensions than the one before; nothing uncaught, nothing false."""
    in_thread = application.engine.host.name == "thread"
    with qtbot.waitSignal(application.session.datasetChanged, timeout=SECONDS):
        application.open(str(folder))
    if in_thread:
        monkeypatch.setattr(OptimizerStep, "run", end_thread)
    config = RunConfig(model=ModelConfig(latent_dim=7), training=TrainingConfig(epochs=100_000))
    with qtbot.waitSignal(application.engine.workerLost, timeout=SECONDS) as lost:
        application.training.start(config)
        qtbot.waitUntil(lambda: application.session.model.latent_dim == 7, timeout=SECONDS)
        if not in_thread:
            os.kill(application.engine.host.process.pid, signal.SIGKILL)
    monkeypatch.undo()
    run = application.session.run_folder
    assert (lost.args[0].run, lost.args[0].has_checkpoint) == (run, False)
    assert not application.session.run_is_active
    wait_for_model(application, qtbot, "bundled:mnist-2d")
    assert application.session.latent.size == 2
    wait_for_new_image(application, qtbot)
    assert application.window.findChildren(ReportDialog) == []
    assert not any("model first" in message for message in application.window.notifications.messages())
    with qtbot.waitSignal(application.engine.epochCompleted, timeout=SECONDS):
        press(application, "Start the run again")
    assert application.session.run_folder == run
    assert application.session.model.latent_dim == 7


@in_a_process
def test_rows_44_and_45_a_stopped_worker_and_one_that_keeps_ending_are_told_and_started_on_request(
    application, qtbot, monkeypatch
):
    monkeypatch.setattr("latentlab.engine.client.restart._FIRST_PAUSE", 1)
    engine, status = application.engine, application.window.status
    qtbot.waitUntil(lambda: engine.status.state is WorkerState.READY, timeout=SECONDS)
    os.kill(engine.host.process.pid, signal.SIGSTOP)
    application.latent_map.hovered.emit(np.array([0.3, 0.3]))
    application.open("bundled:mnist-10d")
    qtbot.waitUntil(lambda: status.message() == "The worker does not answer", timeout=SECONDS)
    assert find(application, "statusCancel").text() == "Restart the worker"
    find(application, "statusCancel").click()
    wait_for_model(application, qtbot, "bundled:mnist-2d")
    wait_for_new_image(application, qtbot)
    assert "Opening bundled:mnist-10d ended with the worker." in application.window.notifications.messages()
    press(application, "Try again")
    wait_for_model(application, qtbot, "bundled:mnist-10d")

    while engine.status.state is not WorkerState.GIVEN_UP:
        with qtbot.waitSignal(engine.workerLost, timeout=SECONDS):
            os.kill(engine.host.process.pid, signal.SIGKILL)
        qtbot.waitUntil(lambda: engine.host is not None or engine.status.state is WorkerState.GIVEN_UP)
    assert status.message() == "The worker keeps ending and is not running"
    application.latent_map.hovered.emit(np.array([0.6, 0.6]))
    find(application, "statusCancel").click()
    wait_for_model(application, qtbot, "bundled:mnist-10d")
    wait_for_new_image(application, qtbot)
    qtbot.waitUntil(lambda: engine.status.state is WorkerState.READY, timeout=SECONDS)
    assert status.message() != "The worker keeps ending and is not running"
    assert not any("model first" in message for message in application.window.notifications.messages())
    assert application.window.findChildren(ReportDialog) == []
    assert Path(application.session.model.source).name == "bundled:mnist-10d"
