"""The hints of the first start: bubbles beside what they are about, one after another, which block nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, is_in_front, label, row

WIDTH = 280  # px


@dataclass(frozen=True)
class Hint:
    """A hint: what it is about, its title, and one or two sentences."""

    widget: QWidget
    title: str
    text: str


class Tour(QFrame):
    """Shows hints beside the widgets they are about; the window stays usable, and Escape ends it.

    Parameters
    ----------
    window
        What it is shown in.
    hints
        From the first to the last; those whose widgets are not visible are left out.

    Signals
    -------
    ended
        The last hint was read, or the others were skipped.
    """

    ended = Signal()

    def __init__(self, window: QWidget, hints: Sequence[Hint]) -> None:
        super().__init__(window)
        self.setObjectName("tour")
        self.setProperty("role", "card")
        self.hide()
        self._window, self._hints, self._at = window, list(hints), 0
        self._title, self._text = label("", "heading", wrap=True), label("", wrap=True)
        self._count = label("", "dim")
        self._skip = button("tourSkip", "Skip", "End the hints (Esc)", self.end, link=True)
        self._next = button("tourNext", "Next", "Show the next hint", self.show_next, primary=True)
        layout = self._layout = column(self, SPACE + SPACE // 2)
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addLayout(row(self._count, None, self._skip, self._next))

    def start(self) -> None:
        """Show the first hint."""
        self._hints = [hint for hint in self._hints if is_in_front(hint.widget)]
        self._at = -1
        self._window.installEventFilter(self)
        self.show_next()

    def show_next(self) -> None:
        """Show the next hint, or end after the last."""
        self._at += 1
        if self._at >= len(self._hints):
            self.end()
            return
        hint, last = self._hints[self._at], self._at == len(self._hints) - 1
        self._title.setText(hint.title)
        self._text.setText(hint.text)
        self._count.setText(f"{self._at + 1} of {len(self._hints)}")
        self._next.setText("Done" if last else "Next")
        self._next.setAccessibleName(self._next.text())
        self._skip.setVisible(not last)
        self.setAccessibleName(f"hint {self._count.text()}: {hint.title}")
        self.setAccessibleDescription(hint.text)
        self._place()
        self.show()
        self.raise_()

    def end(self) -> None:
        """End the hints."""
        self._window.removeEventFilter(self)
        self.hide()
        self.ended.emit()

    def _place(self) -> None:
        """Beside the widget: where there is most room, and for the map over the panels at its side, not over itself."""
        hint = self._hints[self._at]
        width = min(WIDTH, self._window.width() - 2 * SPACE)
        size = QRect(0, 0, width, self._layout.totalHeightForWidth(width))
        over = QRect(hint.widget.mapTo(self._window, QPoint(0, 0)), hint.widget.size())
        room = self._window.width() - over.right(), over.left()
        x = over.right() + SPACE if room[0] >= room[1] else over.left() - size.width() - SPACE
        x = max(SPACE, min(x, self._window.width() - size.width() - SPACE))
        y = max(SPACE, min(over.center().y() - size.height() // 2, self._window.height() - size.height() - SPACE))
        self.setGeometry(size.translated(x, y))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """End with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False
