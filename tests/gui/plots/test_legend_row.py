"""The row of a legend, as seen in its pixels."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from latentlab.gui.plots.legend_row import LegendRow
from latentlab.gui.style.theme import DARK, LIGHT

RED = QColor(255, 0, 0)


class RedRow(LegendRow):
    def draw_mark(self, painter, centre, theme):
        painter.fillRect(round(centre.x()) - 3, round(centre.y()) - 3, 6, 6, RED)


@pytest.fixture
def red_row(qtbot) -> RedRow:
    made = RedRow("a name that is long", "short")
    qtbot.addWidget(made)
    made.resize(made.sizeHint())
    made.setChecked(True)
    with qtbot.waitExposed(made):
        made.show()
    return made


def mark(row: LegendRow) -> QColor:
    return row.grab().toImage().pixelColor(12, row.height() // 2)


def inks(row: LegendRow) -> set[str]:
    """The colours to the right of the mark."""
    image = row.grab().toImage()
    return {image.pixelColor(x, y).name() for x in range(24, image.width()) for y in range(image.height())}


def test_mark_and_name_are_faint_while_unchecked(red_row):
    assert mark(red_row) == RED
    QTest.mouseClick(red_row, Qt.MouseButton.LeftButton)
    assert not red_row.isChecked()
    assert mark(red_row) != RED


def test_a_row_takes_another_theme(red_row):
    red_row.set_theme(DARK)
    dark = inks(red_row)
    red_row.set_theme(LIGHT)
    assert DARK.text in dark
    assert LIGHT.text in inks(red_row)


def test_a_name_that_does_not_fit_is_replaced_by_the_short_one(red_row):
    whole = red_row.sizeHint().width()
    red_row.resize(whole - 20, red_row.height())
    narrow = red_row.grab().toImage()
    red_row.setText("short")
    assert red_row.grab().toImage().copy(24, 0, 30, 20) == narrow.copy(24, 0, 30, 20)
