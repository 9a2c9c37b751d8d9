"""What has happened, said without getting in the way: cards in a corner of the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from latentlab.gui.icons import pixmap
from latentlab.gui.parts import button, label, row, tool_button
from latentlab.gui.theme import SPACE, tokens_of

MOST = 4
SECONDS = 6
WIDTH = 360
Actions = Sequence[tuple[str, Callable[[], object]]]


class Notifications(QWidget):
    """Cards over the lower right corner of a window; information goes by itself, warnings and errors stay."""

    def __init__(self, host: QWidget) -> None:
        super().__init__(host)
        self.setObjectName("notifications")
        self.setAccessibleName("notifications")

    def notify(self, level: str, message: str, details: str = "", actions: Actions = ()) -> None:
        """Show a card: ``level`` is info, warning or error."""

    def messages(self) -> list[str]:
        """What is shown, oldest first."""
        return []

    def clear(self) -> None:
        """Take every card away."""
