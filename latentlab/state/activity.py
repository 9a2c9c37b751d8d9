"""What the program is doing now, for the status line: the newest activity, or an idle text (QtCore only)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import QObject, QTimer, Signal

READY = "Ready"
TRANSIENT_SECONDS = 8.0
"""How long a message about an event stays."""


@dataclass(frozen=True)
class ActivityEntry:
    """Work in progress, or something that has just happened.

    Attributes
    ----------
    text
        Its description.
    fraction
        Completed fraction, 0 to 1; ``None`` while unknown.
    is_busy
        Whether it is in progress although ``fraction`` is unknown.
    seconds_left
        Expected remaining time; ``None`` while unknown.
    cancel
        Cancels it, or mends it; ``None`` if nothing can be done about it.
    cancel_text
        What ``cancel`` does, for its button.
    is_fault
        Whether something is wrong: shown before all other entries.
    """

    text: str
    fraction: float | None = None
    is_busy: bool = False
    seconds_left: float | None = None
    cancel: Callable[[], object] | None = None
    cancel_text: str = "Cancel"
    is_fault: bool = False


class Activity(QObject):
    """A stack of activities by id; the one that began last is shown, but a fault before all others.

    The code that begins an activity also ends it. A transient message also ends by itself.

    Signals
    -------
    changed
        The shown entry is another one or has changed.
    listChanged
        ``running`` returns something else.
    """

    changed = Signal()
    listChanged = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entries: dict[str, ActivityEntry] = {}
        self._ends: dict[str, float] = {}  # of transient messages, by time.monotonic()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._end_overdue)
        self._idle = ActivityEntry(READY)
        self._hint = ""

    @property
    def shown(self) -> ActivityEntry:
        """The newest activity, or the idle text if there is none, or instead of "Ready" the hint."""
        idle = ActivityEntry(self._hint) if self._hint and self._idle.text == READY else self._idle
        entries = list(self._entries.values())
        faults = [entry for entry in entries if entry.is_fault]
        return (faults or entries or [idle])[-1]

    @property
    def running(self) -> tuple[tuple[str, ActivityEntry], ...]:
        """Id and entry of all work in progress, newest first; messages about events are none."""
        found = [(name, entry) for name, entry in self._entries.items() if entry.is_busy or entry.fraction is not None]
        return tuple(reversed(found))

    def cancel_one(self, activity_id: str) -> None:
        """Cancel an activity by its id, if it is still there and possible."""
        entry = self._entries.get(activity_id)
        if entry is not None and entry.cancel is not None:
            entry.cancel()

    def begin(self, activity_id: str, entry: ActivityEntry) -> None:
        """Begin an activity, or update the one of this id, which keeps its position in the stack."""
        before, running = self.shown, self.running
        self._ends.pop(activity_id, None)
        self._entries[activity_id] = entry
        self._announce(before, running)

    def show_for(self, activity_id: str, text: str, seconds: float = TRANSIENT_SECONDS) -> None:
        """Show a message on top that ends after some seconds, unless :meth:`end` ends it earlier."""
        self._entries.pop(activity_id, None)
        self.begin(activity_id, ActivityEntry(text))
        self._ends[activity_id] = time.monotonic() + seconds
        self._start_timer()

    def end(self, activity_id: str) -> None:
        """End an activity or message; nothing happens if there is none of this id."""
        before, running = self.shown, self.running
        self._ends.pop(activity_id, None)
        self._entries.pop(activity_id, None)
        self._announce(before, running)

    def set_idle_text(self, text: str) -> None:
        """Set what is shown while there is no activity."""
        before = self.shown
        self._idle = ActivityEntry(text)
        self._announce(before)

    def set_hint(self, text: str) -> None:
        """Set what is shown instead of "Ready"; an empty text removes it."""
        before = self.shown
        self._hint = text
        self._announce(before)

    def cancel(self) -> None:
        """Cancel the shown activity, if possible."""
        if self.shown.cancel is not None:
            self.shown.cancel()

    def _announce(self, before: ActivityEntry, running: tuple[tuple[str, ActivityEntry], ...] | None = None) -> None:
        if not self._ends:
            self._timer.stop()
        if self.shown != before:
            self.changed.emit()
        if running is not None and self.running != running:
            self.listChanged.emit()

    def _start_timer(self) -> None:
        wait = min(self._ends.values()) - time.monotonic()
        self._timer.start(max(0, ceil(wait * 1000)))

    def _end_overdue(self) -> None:
        for activity_id in [each for each, end in self._ends.items() if end <= time.monotonic()]:
            self.end(activity_id)
        if self._ends:
            self._start_timer()
