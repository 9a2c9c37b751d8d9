"""The list of work in progress."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QProgressBar, QPushButton

from latentlab.gui.widgets.activity_list import ActivityList, ActivityRow

ROWS = (ActivityRow("run", "Training: epoch 3", 0.25, "Cancel"), ActivityRow("film", "Writing the film …"))


@pytest.fixture
def shown(qtbot):
    widget = ActivityList()
    qtbot.addWidget(widget)
    widget.set_rows(ROWS)
    return widget


def test_each_activity_has_its_progress_and_its_cancel(shown, qtbot):
    bars = [shown.findChild(QProgressBar, f"activityProgress{number}") for number in range(2)]
    assert (bars[0].value(), bars[0].maximum(), bars[1].maximum()) == (250, 1000, 0)
    with qtbot.waitSignal(shown.cancelRequested) as cancelled:
        shown.findChild(QPushButton, "cancelActivity0").click()
    assert cancelled.args == ["run"]
    assert shown.findChild(QPushButton, "cancelActivity1") is None


def test_progress_moves_without_replacing_the_button_under_the_pointer(shown):
    before = shown.findChild(QPushButton, "cancelActivity0")
    shown.set_rows((ActivityRow("run", "Training: epoch 4", 0.5, "Cancel"), ROWS[1]))
    assert shown.findChild(QPushButton, "cancelActivity0") is before
    assert shown.findChild(QProgressBar, "activityProgress0").value() == 500


def test_it_is_shown_above_its_corner_and_says_when_there_is_nothing(shown, qtbot):
    shown.show_above(QPoint(600, 500))
    assert shown.geometry().bottom() < 500
    shown.set_rows(())
    assert shown.rows() == ()
    shown.close()
