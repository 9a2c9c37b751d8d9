"""Collects the warnings of Pillow, and what tifffile logs, while a file is read: nothing is printed.

Both are routed by thread, because images are read in several threads at once.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import Any

_MOST = 8
_LIBRARIES = r"PIL\b|tifffile\b|pillow_heif\b"


class _Router(logging.Filter):
    """Hands warnings to the thread that reads; those of other threads go where they went before."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._readers = 0
        self._local = threading.local()
        self._caught: warnings.catch_warnings[None] | None = None
        self._show: Any = None
        logging.getLogger("tifffile").addFilter(self)

    def exchange(self, messages: list[str] | None) -> list[str] | None:
        """Collect this thread's warnings in another list; ``None`` collects none. Returns the earlier list."""
        earlier: list[str] | None = getattr(self._local, "messages", None)
        self._local.messages = messages
        return earlier

    def filter(self, record: logging.LogRecord) -> bool:
        """Take a log record of a thread that reads."""
        return not self._take(record.getMessage())

    def enter(self) -> None:
        """Take the warnings of all threads, until as many calls of `leave`."""
        with self._lock:
            self._readers += 1
            if self._readers > 1:
                return
            self._caught = warnings.catch_warnings()
            self._caught.__enter__()
            warnings.filterwarnings("always", module=_LIBRARIES)
            self._show, warnings.showwarning = warnings.showwarning, self._on_warning

    def leave(self) -> None:
        """Undo one `enter`."""
        with self._lock:
            self._readers -= 1
            if not self._readers and self._caught is not None:
                self._caught.__exit__(None, None, None)
                self._caught = None

    def _on_warning(self, message: Warning | str, *others: Any, **named: Any) -> None:
        if not self._take(str(message)):
            self._show(message, *others, **named)

    def _take(self, message: str) -> bool:
        messages: list[str] | None = getattr(self._local, "messages", None)
        if messages is None:
            return False
        text = " ".join(message.split())[:160]
        if len(messages) < _MOST and text not in messages:
            messages.append(text)
        return True


_router = _Router()


class collected_warnings:  # noqa: N801
    """Context that collects this thread's warnings in a list; a generator would take three times as long.

    The first of several contexts that overlap takes 7 µs, the others 1 µs: hold one open to read many files.
    """

    def __enter__(self) -> list[str]:
        messages: list[str] = []
        self._earlier = _router.exchange(messages)
        _router.enter()
        return messages

    def __exit__(self, *_: object) -> None:
        _router.leave()
        _router.exchange(self._earlier)
