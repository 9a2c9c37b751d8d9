"""Notifications of the desktop: by notify-send where it is installed, else by the system's tray."""

from __future__ import annotations

import html
import shutil
import sys

from PySide6.QtCore import QObject, QProcess, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from latentlab import paths

SHOWN_MS = 10_000


class DesktopNotifier(QObject):
    """Shows a title and a text on the desktop; where that has no notifications nothing happens.

    Names in the text are shown as they are: what a desktop would take for markup is escaped.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._program = shutil.which("notify-send") if sys.platform.startswith("linux") else None

    def notify(self, title: str, text: str) -> None:
        """Show a notification."""
        if self._program is not None:
            icon = str(paths.resource("icons", "latentlab.svg"))
            arguments = ["--app-name=latentlab", f"--icon={icon}", "--", title, html.escape(text, quote=False)]
            QProcess.startDetached(self._program, arguments)
        elif QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            tray = QSystemTrayIcon(QIcon(str(paths.resource("icons", "latentlab.svg"))), self)
            tray.show()
            tray.showMessage(title, text, tray.icon(), SHOWN_MS)
            QTimer.singleShot(SHOWN_MS, tray, tray.deleteLater)
