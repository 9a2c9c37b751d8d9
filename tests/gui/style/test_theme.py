"""What the style sheet shows of a control's state."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QSlider


def test_the_handle_of_a_disabled_slider_is_grey(themed, shown):
    slider = shown(QSlider(Qt.Orientation.Horizontal), 120, 24)
    slider.setRange(0, 2)
    slider.setValue(1)

    def saturation() -> int:
        return QColor(slider.grab().toImage().pixel(60, 12)).saturation()

    assert saturation() > 100
    slider.setEnabled(False)
    assert saturation() < 50
