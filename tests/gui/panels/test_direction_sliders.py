"""Sliders of directions: a value can be typed beside each."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from latentlab.gui.panels.direction_sliders import DirectionRow, DirectionSliders


@pytest.fixture
def sliders(shown) -> DirectionSliders:
    widget = DirectionSliders()
    widget.set_directions([DirectionRow("a", "thin − thick", "", 3.0)])
    return shown(widget)


@pytest.mark.parametrize(("text", "value", "shown_text"), [("-1,5", -1.5, "−1.50"), ("9", 3.0, "3.00")])
def test_a_value_can_be_typed_beside_its_slider(qtbot, sliders, text, value, shown_text):
    field = sliders.findChild(QLineEdit, "directionValue0")
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    with qtbot.waitSignal(sliders.valueEdited) as edited:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert edited.args[:2] == ["a", value]
    assert field.text() == shown_text


def test_the_value_follows_the_latent(sliders):
    sliders.set_values({"a": 0.25})
    assert sliders.findChild(QLineEdit, "directionValue0").text() == "0.25"
