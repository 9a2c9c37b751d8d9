"""Garbage collection on the GUI thread alone."""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, Qt, QTimer

INTERVAL_MS = 1000
_FULL_SECONDS = 30.0  # between two searches of all objects, which take tens of milliseconds


class GuiThreadCollector(QObject):
    """Replaces Python's automatic garbage collection while the window is open.

    Python collects in whichever thread allocates: in the one that receives results, or in the worker's under
    ``--engine thread``. A cycle that holds Qt's objects (items of lists, undo commands, scenes) would be freed there
    while the GUI thread paints with them, and crash the program. Here the thresholds of the collector are compared
    with its counters once a second, on the thread of this object.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._searched_all = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the generations that are due."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        now = time.monotonic()
        if counts[2] > thresholds[2] and now - self._searched_all > _FULL_SECONDS:
            self._searched_all = now
            gc.collect(2)
        elif counts[1] > thresholds[1]:
            gc.collect(1)
        elif counts[0] > thresholds[0]:
            gc.collect(0)

    def close(self) -> None:
        """Leave collecting to Python again."""
        self._timer.stop()
        gc.enable()
