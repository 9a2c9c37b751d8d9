"""One line of text that is cut rather than ask for more room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from latentlab.gui.style.theme import SPACE


class ElidedLabel(QWidget):
    """One line that shows its end or its start with an ellipsis rather than grow; the tooltip has it whole."""

    def __init__(self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__()
        self._text = text
        self._mode = mode
        self._widest = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def text(self) -> str:
        """The whole text."""
        return self._text

    def setText(self, text: str) -> None:
        """Show another text."""
        self._text = text
        self.setToolTip(text)
        self.setAccessibleDescription(text)
        if self.fontMetrics().horizontalAdvance(text) > self._widest:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the widest text so far, one line high.

        A line that tells of every shorter text would have the window laid out anew many times a second.
        """
        metrics = self.fontMetrics()
        self._widest = max(self._widest, metrics.horizontalAdvance(self._text or " "))
        return QSize(self._widest, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        """Narrow, one line high."""
        size = self.sizeHint()
        size.setWidth(min(size.width(), 40))
        return size

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the elided text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self._text, self._mode, self.width())
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)


class ElidedButton(QPushButton):
    """A button as wide as it is given room, whose text is cut where that is too little."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = self._short = ""
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str, short: str = "") -> None:
        """Show as much of a text as there is room for; with ``short``, that where the whole does not fit."""
        self._whole, self._short = text, short or text
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the text anew."""
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """No width of its own."""
        return QSize(0, super().minimumSizeHint().height())

    def _fit(self) -> None:
        room = self.width() - 4 * SPACE
        fits = self.fontMetrics().horizontalAdvance(self._whole) <= room
        text = self._whole if fits else self._short
        self.setText(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(room, 0)))
