"""A run that ends while the window is not in front is said on the desktop, and only then."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from latentlab.config.events import Finished
from latentlab.controllers.desktop_notices import DesktopNoticeController
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import Failed, Train, TrainingEvent, WorkerLost
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.training import TrainingPanel


class Window(QWidget):
    """Says that it is in front, or not."""

    is_active = False

    def isActiveWindow(self) -> bool:
        return self.is_active


@pytest.fixture
def window(qtbot):
    window = Window()
    qtbot.addWidget(window)
    return window


@pytest.fixture
def said():
    return []


@pytest.fixture
def wanted():
    return [True]


@pytest.fixture(autouse=True)
def controller(qtbot, session, engine, activity, window, said, wanted):
    panel, curves = TrainingPanel(), TrainingCurves()
    for widget in (panel, curves):
        qtbot.addWidget(widget)
    training = TrainingController(session, engine, panel, curves, activity, panel)

    def notify(title: str, text: str) -> None:
        said.append((title, text))

    return DesktopNoticeController(engine, training, window, notify, lambda: wanted[0], window)


def finish(engine) -> None:
    engine.trainingEvent.emit(TrainingEvent(Finished("run", "run/model.safetensors", 20, 9.0)))


def test_the_end_of_a_run_is_said_behind_other_windows(engine, window, said):
    finish(engine)
    ((title, text),) = said
    assert title == "A run has ended"
    assert "20" in text
    window.is_active = True
    finish(engine)
    assert len(said) == 1


def test_it_is_not_said_to_who_does_not_want_it(engine, said, wanted):
    wanted[0] = False
    finish(engine)
    assert said == []


def test_a_run_that_fails_pauses_or_loses_its_worker_is_said_with_its_reason(engine, said):
    engine.failed.emit(Failed("Train", "the loss is not finite"))
    engine.failed.emit(Failed("Checkpoint", "the disk is full"))
    engine.failed.emit(Failed("OpenModel", "no such file"))
    engine.workerLost.emit(WorkerLost(-9, "the worker was killed", again=Train(None, "run")))
    engine.workerLost.emit(WorkerLost(-9, "the worker was killed"))
    assert said == [
        ("A run has failed", "the loss is not finite"),
        ("A run is paused", "the disk is full"),
        ("A run was interrupted", "the worker was killed"),
    ]
