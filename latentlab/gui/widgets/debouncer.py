"""One timer for what must not run at every signal: debounced or throttled calls."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Debouncer(QTimer):
    """A single-shot timer that calls a function once for many requests.

    Parameters
    ----------
    delay
        Milliseconds between a request and the call.
    callback
        The function that is called.
    parent
        The object the timer belongs to: when it is deleted, pending calls are dropped.
    """

    def __init__(self, delay: int, callback: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self.setSingleShot(True)
        self.setInterval(delay)
        self.timeout.connect(callback)

    def debounce(self) -> None:
        """Call once no request has come for the delay: each request starts the wait again."""
        self.start()

    def throttle(self) -> None:
        """Call once the delay has passed since the first request; requests until then change nothing."""
        if not self.isActive():
            self.start()

    def cancel(self) -> None:
        """Drop the pending call, if there is one."""
        self.stop()

    def is_pending(self) -> bool:
        """Whether a call was requested and has not been made yet."""
        return self.isActive()
