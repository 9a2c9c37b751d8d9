"""The histogram of a dataset's values: its window is dragged, nudged or typed."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget

from latentlab.gui.panels.value_histogram import ValueHistogram


@pytest.fixture
def histogram(shown) -> ValueHistogram:
    widget = shown(ValueHistogram(), 320, 120)
    widget.set_histogram(np.array([100, 10, 0, 1]), 0.0, 4000.0)
    widget.set_window(0.0, 4095.0)
    return widget


def view_of(histogram) -> QWidget:
    return histogram.findChild(QWidget, "valueHistogram")


def edges(histogram) -> list[str]:
    return [histogram.findChild(QLineEdit, name).text() for name in ("valueLow", "valueHigh")]


def test_the_window_is_shown_in_numbers_and_has_accessible_names(histogram):
    assert edges(histogram) == ["0", "4095"]
    assert histogram.window_range() == (0.0, 4095.0)
    names = [
        histogram.findChild(QWidget, name).accessibleName() for name in ("valueHistogram", "valueLow", "valueHigh")
    ]
    assert names == ["value histogram", "value shown black", "value shown white"]


def test_dragging_the_white_edge_tells_at_once_and_releasing_it_chooses(qtbot, histogram):
    view = view_of(histogram)
    moved, chosen = [], []
    histogram.windowMoved.connect(lambda low, high: moved.append((low, high)))
    histogram.windowChosen.connect(lambda low, high: chosen.append((low, high)))
    right, middle = QPoint(view.width() - 7, 20), QPoint(view.width() // 2, 20)
    viewport = view.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=right)
    for step in range(1, 6):
        QTest.mouseMove(viewport, right + (middle - right) * step / 5, 20)
    assert moved
    assert chosen == []
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=middle)
    assert len(chosen) == 1
    low, high = chosen[0]
    assert low == 0.0
    assert 1500 < high < 2700
    assert edges(histogram)[1] == f"{high:.6g}"


@pytest.mark.parametrize(
    ("key", "modifier", "edge", "direction"),
    [
        (Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier, 1, -1),
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, 0, 1),
    ],
)
def test_arrow_keys_move_an_edge(qtbot, histogram, key, modifier, edge, direction):
    with qtbot.waitSignal(histogram.windowChosen) as chosen:
        qtbot.keyClick(view_of(histogram), key, modifier)
    moves = [new - old for new, old in zip(chosen.args, (0.0, 4095.0), strict=True)]
    assert moves[1 - edge] == 0
    assert 20 < moves[edge] * direction < 80


def test_an_edge_can_be_typed_but_not_beyond_the_other(qtbot, histogram):
    high = histogram.findChild(QLineEdit, "valueHigh")
    high.selectAll()
    qtbot.keyClicks(high, "1000")
    with qtbot.waitSignal(histogram.windowChosen) as chosen:
        qtbot.keyClick(high, Qt.Key.Key_Return)
    assert chosen.args == [0.0, 1000.0]
    high.selectAll()
    qtbot.keyClicks(high, "-5")
    with qtbot.assertNotEmitted(histogram.windowChosen):
        qtbot.keyClick(high, Qt.Key.Key_Return)
    assert edges(histogram) == ["0", "1000"]
