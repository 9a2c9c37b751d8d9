"""A function that waits for the disk, called in a thread of its own: the window never waits for a network drive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject, Signal


class Background(QObject):
    """Calls one function at a time in a thread; a call that is asked for meanwhile follows, and only the newest one.

    Parameters
    ----------
    then
        Called in the window's thread with what the function returned.
    """

    _done = Signal(object)

    def __init__(self, then: Callable[[Any], object], parent: QObject) -> None:
        super().__init__(parent)
        self._then = then
        self._is_running = False
        self._next: Callable[[], object] | None = None
        self._done.connect(self._on_done)

    def run(self, function: Callable[[], object]) -> None:
        """Call a function that raises nothing."""
        if self._is_running:
            self._next = function
            return
        self._is_running = True
        # A daemon: a drive that never answers must not keep the program from ending.
        threading.Thread(target=self._work, args=(function,), name="latentlab-disk", daemon=True).start()

    def _work(self, function: Callable[[], object]) -> None:
        result = function()
        with suppress(RuntimeError):  # the window was closed meanwhile
            self._done.emit(result)

    def _on_done(self, result: object) -> None:
        self._is_running = False
        self._then(result)
        if self._next is not None:
            function, self._next = self._next, None
            self.run(function)
