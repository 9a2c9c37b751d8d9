"""Closing the window during a run: nothing is lost without a question."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton

from latentlab.app.shutdown import ShutdownController
from latentlab.engine.protocol.messages import Failed, PauseTraining, TrainingState
from latentlab.gui.main_window import MainWindow
from latentlab.state.activity import ActivityEntry
from tests.controllers.conftest import Engine


class EndingEngine(Engine):
    """Ends at once, and records the request."""

    def shutdown(self, _seconds):
        self.asked.append("shutdown")


@pytest.fixture
def parts(qtbot, session, activity):
    window, engine = MainWindow(QLabel()), EndingEngine()
    qtbot.addWidget(window)
    controller = ShutdownController(session, engine, window, activity, lambda: None)
    engine.trainingState.connect(lambda result: session.set_run_state(result.state))
    return controller, window, engine


def question(window) -> QMessageBox:
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()][-1]


def press(window, text: str) -> None:
    next(each for each in question(window).findChildren(QPushButton) if each.text() == text).click()


def test_the_window_closes_when_the_checkpoint_is_written_and_not_before(parts, session, qtbot):
    controller, window, engine = parts
    session.set_run_state("paused")
    window.show()
    window.close()
    assert question(window).text() == "A run is paused."
    press(window, "Save a checkpoint and close")
    assert engine.asked == [PauseTraining()]
    with qtbot.waitSignal(controller.closed):
        engine.trainingState.emit(TrainingState("paused"))
    assert engine.asked[-1] == "shutdown"


def test_a_checkpoint_that_cannot_be_written_keeps_the_window_open_and_says_why(parts, session, qtbot):
    controller, window, engine = parts
    session.set_run_state("running")
    window.show()
    window.close()
    press(window, "Save a checkpoint and close")
    engine.failed.emit(Failed("Checkpoint", "the disk is full"))
    engine.trainingState.emit(TrainingState("paused"))
    box = question(window)
    assert (box.text(), box.informativeText().splitlines()[0]) == ("The run could not be saved.", "The disk is full")
    assert box.defaultButton().text() == "Stay"
    press(window, "Stay")
    assert (window.isVisible(), engine.asked) == (True, [PauseTraining()])
    window.close()
    press(window, "Save a checkpoint and close")
    engine.failed.emit(Failed("PauseTraining", "the run's folder is gone"))
    with qtbot.waitSignal(controller.closed):
        press(window, "Close anyway")


def test_nothing_updates_the_window_after_it_is_closed(application):
    application.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    application.activity.begin("late", ActivityEntry("too late"))
    application.session.set_run_state("running")
    application.session.set_model(None, 99, is_new_model=True)


def test_closing_frees_the_undo_commands_while_they_can_be_freed(application):
    """Garbage collection frees commands in any order, and an undo stack that outlives its commands crashes."""
    application.latent_map.committed.emit(np.array([0.5, 0.5]), 1)
    assert application.undo.count() == 1
    application.close()
    assert application.undo.count() == 0
