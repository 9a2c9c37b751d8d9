"""Notifications are removed with their cause."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget

from latentlab.config.events import Checkpoint
from latentlab.controllers.notifications import NotificationsController
from latentlab.controllers.training import TrainingController
from latentlab.engine.protocol.messages import Failed, TrainingEvent
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.training import TrainingPanel
from latentlab.gui.widgets.toasts import Toasts


@pytest.fixture
def cards(qtbot, session, engine, activity):
    host, panel, curves = QWidget(), TrainingPanel(), TrainingCurves()
    for widget in (host, panel, curves):
        qtbot.addWidget(widget)
    training = TrainingController(session, engine, panel, curves, activity)
    cards = Toasts(host)
    cards.controller = NotificationsController(engine, training, cards, lambda _folder: None)
    return cards


@pytest.mark.logs("another matter", "the disk is full")
def test_a_full_disk_is_reported_until_the_run_could_be_written(cards, engine):
    engine.failed.emit(Failed("Decode", "another matter"))
    engine.failed.emit(Failed("Checkpoint", "the disk is full"))
    assert cards.messages() == ["another matter", "the disk is full"]
    engine.trainingEvent.emit(TrainingEvent(Checkpoint("run/checkpoint.safetensors", 7)))
    assert cards.messages() == ["another matter"]
