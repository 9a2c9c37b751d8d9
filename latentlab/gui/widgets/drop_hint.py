"""The message that is shown while files are dragged over the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from latentlab.gui.style.theme import SPACE, current_theme

TEXT = "Drop an image, a folder of images, a dataset file, a model or a run to open it"
_OPACITY = 215  # of the ground, of 255


class DropHint(QWidget):
    """Covers a widget while files are dragged over the window, and says what dropping them does.

    Parameters
    ----------
    covered
        The widget; the hint is as large as it, and takes no events.
    """

    def __init__(self, covered: QWidget) -> None:
        super().__init__(covered)
        self.setObjectName("dropHint")
        self.setAccessibleName(TEXT)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        covered.installEventFilter(self)

    def set_shown(self, is_shown: bool) -> None:
        """Show it above everything else in the widget, or hide it."""
        parent = self.parentWidget()
        if is_shown and parent is not None:
            self.setGeometry(parent.rect())
            self.raise_()
        self.setVisible(is_shown)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Be as large as the covered widget."""
        parent = self.parentWidget()
        if event.type() == QEvent.Type.Resize and parent is not None:
            self.setGeometry(parent.rect())
        return bool(super().eventFilter(watched, event))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw a translucent ground, a frame and the text."""
        theme = current_theme()
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), theme.colour("surface", _OPACITY))
            painter.setPen(QPen(theme.colour("accent"), 3))
            painter.drawRect(self.rect().adjusted(2, 2, -3, -3))
            painter.setPen(theme.colour("text"))
            room = self.rect().adjusted(4 * SPACE, 4 * SPACE, -4 * SPACE, -4 * SPACE)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, TEXT)
