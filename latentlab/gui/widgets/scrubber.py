"""A slider over moments in time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider


class Scrubber(QSlider):
    """A slider that jumps to a click instead of moving by a page."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Move the handle to the pointer; a drag then continues from there."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        parts, slider = QStyle.ComplexControl.CC_Slider, self.style()
        handle = slider.subControlRect(parts, option, QStyle.SubControl.SC_SliderHandle, self)
        position = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and not handle.contains(position):
            groove = slider.subControlRect(parts, option, QStyle.SubControl.SC_SliderGroove, self)
            x, length = position.x() - groove.left() - handle.width() // 2, max(1, groove.width() - handle.width())
            self.setValue(QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), x, length))
        super().mousePressEvent(event)
