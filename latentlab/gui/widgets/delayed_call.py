"""A call that waits: until requests have ceased, or for an interval after the first one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class DelayedCall(QTimer):
    """Debounces or throttles the calls of a function.

    Not superqt's, which is the same: its import takes 0.5 s here, and the first model is explorable before that.

    Parameters
    ----------
    milliseconds
        The interval.
    function
        Called without arguments, on the thread of ``parent``.
    parent
        Deletes this timer with itself: no call comes after that.
    """

    def __init__(self, milliseconds: int, function: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self.setSingleShot(True)
        self.setInterval(milliseconds)
        self.timeout.connect(function)

    def debounce(self) -> None:
        """Call the function once there has been no request for an interval."""
        self.start()

    def throttle(self) -> None:
        """Call the function an interval after the first of several requests."""
        if not self.isActive():
            self.start()
