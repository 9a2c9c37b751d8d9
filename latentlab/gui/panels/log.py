"""The Log panel: the program's newest log lines."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, named, row
from latentlab.gui.widgets.plain_text import PlainTextView

MAX_LINES = 2000


class LogView(QWidget):
    """Shows the newest lines of the log."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("logView")
        self._text = PlainTextView()
        named(self._text, "logText", "log", "")
        self._text.setMaximumBlockCount(MAX_LINES)
        self._text.setPlaceholderText("Log messages appear here.")
        self._text.setProperty("role", "mono")
        copy = button("copyLog", "Copy", "Copy the log", self._on_copy, icon="copy")
        clear = button("clearLog", "Clear", "Remove all lines from this view", self._text.clear)
        layout = column(self, SPACE)
        layout.addWidget(self._text)
        layout.addLayout(row(None, copy, clear))

    def add_line(self, line: str) -> None:
        """Add a line; above ``MAX_LINES`` the oldest are removed."""
        self._text.appendPlainText(line)

    def text(self) -> str:
        """The lines shown."""
        return self._text.toPlainText()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())


class _Bridge(QObject):
    lineLogged = Signal(str)


class LogHandler(logging.Handler):
    """Sends log records, from any thread, to a ``LogView`` in the GUI thread."""

    def __init__(self, view: LogView) -> None:
        super().__init__()
        self._bridge = _Bridge()
        self._bridge.lineLogged.connect(view.add_line)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Format and send a record."""
        self._bridge.lineLogged.emit(self.format(record))
