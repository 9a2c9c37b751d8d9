"""Delays a window's painting until an image that is about to arrive can be painted with the rest."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

HOLD_MS = 8
"""The longest delay: half a frame of a screen that shows 60 in a second."""


class PaintHold(QObject):
    """Holds back a window's painting for at most ``HOLD_MS``.

    After a move of the pointer the map and the sliders change at once, and painting them takes longer than decoding
    the image. Painted first, they would delay the image; painted with it, all appear in one frame, and the window is
    composed once.

    Parameters
    ----------
    window
        The window, which becomes the parent.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._is_due = False  # whether a painting was held back
        self._end = QTimer(self)
        self._end.setSingleShot(True)
        self._end.setTimerType(Qt.TimerType.PreciseTimer)
        self._end.setInterval(HOLD_MS)
        self._end.timeout.connect(self.release)
        window.installEventFilter(self)

    def hold(self) -> None:
        """Hold painting back from now on; a hold that has begun is not prolonged."""
        if not self._end.isActive() and not self._is_due:
            self._end.start()

    def release(self) -> None:
        """Paint what was held back."""
        self._end.stop()
        if self._is_due:
            QCoreApplication.postEvent(self._window, QEvent(QEvent.Type.UpdateRequest))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the window from being painted during a hold."""
        if watched is self._window and event.type() == QEvent.Type.UpdateRequest:
            self._is_due = self._end.isActive()
            return self._is_due
        return False
