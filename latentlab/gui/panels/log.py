"""The Log panel: what was notified, and the program's log lines, with their times; filtered and copied."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import button, column, combo_box, named, row
from latentlab.gui.widgets.plain_text import PlainTextView

MAX_LINES = 2000
LEVELS = ("everything", "warnings and errors", "errors")
_RANKS = {"info": 0, "warning": 1, "error": 2}


@dataclass(frozen=True)
class LogEntry:
    """A line of the log: its text, and ``info``, ``warning`` or ``error``."""

    line: str
    level: str = "info"


class LogView(QWidget):
    """Shows the newest lines of the log that fit the filter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("logView")
        self._entries: deque[LogEntry] = deque(maxlen=MAX_LINES)
        self._text = PlainTextView()
        named(self._text, "logText", "log", "What the program has done, with the time")
        self._text.setMaximumBlockCount(MAX_LINES)
        self._text.setPlaceholderText("Log messages appear here.")
        self._text.setProperty("role", "mono")
        self._level = combo_box()
        named(self._level, "logLevel", "level of the log", "Which lines are shown")
        self._level.addItems(LEVELS)
        self._level.currentIndexChanged.connect(self._show)
        self._filter = QLineEdit()
        named(self._filter, "logFilter", "filter of the log", "Show only lines with this text")
        self._filter.setPlaceholderText("Filter")
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._show)
        copy = button("copyLog", "Copy", "Copy the lines that are shown", self._on_copy, icon="copy")
        clear = button("clearLog", "Clear", "Remove all lines from this view", self.clear)
        layout = column(self, SPACE)
        layout.addWidget(self._text)
        layout.addLayout(row(self._level, self._filter, copy, clear))

    def add_line(self, line: str, level: str = "info") -> None:
        """Add a line; above ``MAX_LINES`` the oldest are removed."""
        entry = LogEntry(line, level)
        self._entries.append(entry)
        if self._fits(entry):
            self._text.appendPlainText(line)

    def add_notice(self, level: str, message: str, details: str = "") -> None:
        """Add a notification with the present time."""
        text = f"{message}\n{details}" if details else message
        self.add_line(f"{time.strftime('%H:%M:%S')} {level.upper()}: {text}", level)

    def clear(self) -> None:
        """Remove all lines."""
        self._entries.clear()
        self._text.clear()

    def text(self) -> str:
        """The lines shown."""
        return self._text.toPlainText()

    def _fits(self, entry: LogEntry) -> bool:
        is_level = _RANKS.get(entry.level, 0) >= self._level.currentIndex()
        return is_level and self._filter.text().casefold() in entry.line.casefold()

    def _show(self) -> None:
        self._text.clear()
        for entry in self._entries:
            if self._fits(entry):
                self._text.appendPlainText(entry.line)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())


class _Bridge(QObject):
    lineLogged = Signal(str, str)


class LogHandler(logging.Handler):
    """Sends log records, from any thread, to a ``LogView`` in the GUI thread.

    Records with the attribute ``is_notice`` are left out: their notification is shown with its own line.
    """

    def __init__(self, view: LogView) -> None:
        super().__init__()
        self._bridge = _Bridge()
        self._bridge.lineLogged.connect(view.add_line)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """Format and send a record."""
        if not getattr(record, "is_notice", False):
            self._bridge.lineLogged.emit(self.format(record), _level_of(record.levelno))


def _level_of(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    return "warning" if number > logging.INFO else "info"
