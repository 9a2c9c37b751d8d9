"""A label and a button whose text is elided when it does not fit."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAccessible, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.plain_text import set_tool_tip, without_mnemonic
from latentlab.utils.plain_text import as_line


class ElidedLabel(QWidget):
    """A line of text that is elided when it does not fit; the tooltip shows all of it."""

    ACCESSIBLE_ROLE = QAccessible.Role.StaticText

    def __init__(self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__()
        self._text = as_line(text)
        self._mode = mode
        self._widest = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """The full text, as a visible line."""
        return self._text

    def setText(self, text: str, explanation: str = "") -> None:
        """Show this text; lines that explain it, if there are any, take its place in the tooltip."""
        self._text = as_line(text)
        set_tool_tip(self, explanation or self._text, lines=bool(explanation))
        self.setAccessibleDescription(explanation or self._text)
        if self.fontMetrics().horizontalAdvance(self._text) > self._widest:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """One line high, as wide as the widest text so far.

        A width that followed every text would have the window laid out many times a second.
        """
        metrics = self.fontMetrics()
        self._widest = max(self._widest, metrics.horizontalAdvance(self._text or " "))
        return QSize(self._widest, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        """One line high, at most 40 px wide."""
        size = self.sizeHint()
        size.setWidth(min(size.width(), 40))
        return size

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the elided text."""
        with QPainter(self) as painter:
            painter.setPen(self.palette().color(self.foregroundRole()))
            text = self.fontMetrics().elidedText(self._text, self._mode, self.width())
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)


class ElidedButton(QPushButton):
    """A button as wide as its layout makes it, whose text is elided when it does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self._full = self._short = ""
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str, short: str = "") -> None:
        """Show a text, or ``short`` if the text does not fit; that is elided if it does not fit either."""
        self._full, self._short = as_line(text), as_line(short or text)
        self.setAccessibleName(self._full)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text to the new width."""
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """Any width."""
        return QSize(0, super().minimumSizeHint().height())

    def _fit(self) -> None:
        width = self.width() - 4 * SPACE
        fits = self.fontMetrics().horizontalAdvance(self._full) <= width
        text = self._full if fits else self._short
        text = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(width, 0))
        self.setText(without_mnemonic(text))
