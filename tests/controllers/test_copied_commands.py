"""A command is copied once the tables that it reads are written, and only its own failure drops it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication

from latentlab.controllers.copied_commands import CopiedCommands
from latentlab.engine.protocol.messages import ExportSelection, Failed, SelectionExported
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow


@pytest.fixture
def commands(qtbot, engine):
    window = MainWindow(LatentMap())
    qtbot.addWidget(window)
    QGuiApplication.clipboard().setText("before")
    return CopiedCommands(engine, window.notifications, window)


def test_a_failed_table_drops_its_own_command_and_no_other(commands, engine):
    images = np.arange(3)
    commands.copy("first a.csv", "does it", [("a.csv", images)])
    commands.copy("second b.csv c.csv", "does it", [("b.csv", images), ("c.csv", images)])
    engine.failed.emit(Failed("ExportSelection", "the disk is full", path="a.csv"))
    engine.selectionExported.emit(SelectionExported("b.csv", "3 images"))
    assert QGuiApplication.clipboard().text() == "before"
    engine.selectionExported.emit(SelectionExported("c.csv", "3 images"))
    assert QGuiApplication.clipboard().text() == "second b.csv c.csv"


def test_a_table_that_is_lost_with_its_worker_drops_its_command(commands, engine):
    commands.copy("first a.csv", "does it", [("a.csv", np.arange(3))])
    commands.copy("second b.csv", "does it", [("b.csv", np.arange(3))])
    lost = ExportSelection("a.csv", np.arange(3), "table")
    engine.failed.emit(Failed("ExportSelection", "ended with the worker", again=lost))
    engine.selectionExported.emit(SelectionExported("a.csv", "3 images"))
    assert QGuiApplication.clipboard().text() == "before"
    engine.selectionExported.emit(SelectionExported("b.csv", "3 images"))
    assert QGuiApplication.clipboard().text() == "second b.csv"
