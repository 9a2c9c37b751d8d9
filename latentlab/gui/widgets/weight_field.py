"""A weight of 0 or more: typed exactly, or dragged on a slider beside the number."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import named

STEPS = 400  # of the slider
LEAST_RANGE = 4.0  # the slider reaches at least this far
ROOM = 4.0  # and so many times the weight that is set
_DIGITS = 3  # significant ones of a dragged weight
_TEXT_WIDTH = 64  # px


class WeightField(QWidget):
    """A line edit and a slider that show one weight.

    The slider's range follows the weight only when it would not fit: a drag, and a weight that is typed within the
    range, leave it as it is.

    Attributes
    ----------
    line, slider
        The two controls.

    Signals
    -------
    edited
        The user typed or dragged another weight.
    """

    edited = Signal()

    def __init__(self, name: str, accessible: str, tip: str) -> None:
        super().__init__()
        self._text = ""
        self.line, self.slider = QLineEdit(), QSlider(Qt.Orientation.Horizontal)
        named(self, f"{name}Field", accessible, tip)
        named(self.line, name, accessible, tip)
        named(self.slider, f"{name}Slider", f"{accessible}, as a slider", tip)
        self.line.setFixedWidth(_TEXT_WIDTH)
        self.line.editingFinished.connect(self._on_typed)
        self.slider.setRange(0, STEPS)
        self.slider.valueChanged.connect(self._on_dragged)
        self.setFocusProxy(self.line)
        self._largest = LEAST_RANGE
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        row.addWidget(self.line)
        row.addWidget(self.slider, 1)

    def text(self) -> str:
        """The text of the line edit, which may not be a number."""
        return self.line.text().strip()

    def set_text(self, text: str) -> None:
        """Show a weight without emitting ``edited``."""
        self._text = text
        self.line.setText(text)
        self._match_slider()

    def _match_slider(self) -> None:
        """Show the typed weight on the slider, if it is one."""
        try:
            weight = float(self.text())
        except ValueError:
            return
        if not 0.0 <= weight < float("inf"):
            return
        if not 0.02 * self._largest <= weight <= self._largest:
            self._largest = max(LEAST_RANGE, ROOM * weight)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(STEPS * weight / self._largest))

    def _on_typed(self) -> None:
        if self.text() != self._text:
            self._text = self.text()
            self._match_slider()
            self.edited.emit()

    def _on_dragged(self, step: int) -> None:
        self._text = f"{step / STEPS * self._largest:.{_DIGITS}g}"
        self.line.setText(self._text)
        self.edited.emit()
