"""A number beside a slider that can be typed over."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from latentlab.gui.style.theme import tabular
from latentlab.utils.text import MINUS, format_number

WIDEST = "−00.00"
"""The widest value that fits."""


class ValueEdit(QLineEdit):
    """A number that looks like a label until it has the focus; Escape restores the value.

    Text that is not a finite number is replaced by the value shown before.

    Signals
    -------
    typed(value)
        The user has entered a number.
    """

    typed = Signal(float)

    def __init__(self) -> None:
        super().__init__("0.00")
        self.setProperty("role", "value")
        self.setFrame(False)
        self.setMaxLength(8)
        self.setFont(tabular(self.font()))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # With a fixed size a new number does not lay out its row again.
        self.setFixedSize(self.fontMetrics().horizontalAdvance(WIDEST), self.fontMetrics().height())
        self._shown = self.text()
        self.editingFinished.connect(self._on_editing_finished)

    def show_value(self, value: float) -> None:
        """Show a value with two decimals."""
        self._shown = format_number(value, ".2f")
        self.setText(self._shown)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select the number, so that typing replaces it."""
        super().focusInEvent(event)
        QTimer.singleShot(0, self, self.selectAll)  # after the click that gave the focus has set the cursor

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Restore the value with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._shown)
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def _on_editing_finished(self) -> None:
        if not self.isModified():
            return
        text = self.text().replace(MINUS, "-").replace(",", ".")
        self.setText(self._shown)
        try:
            value = float(text)
        except ValueError:
            return
        if math.isfinite(value):
            self.typed.emit(value)
