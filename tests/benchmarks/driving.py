"""The window driven without an event loop of its own, for the benchmarks beside this file."""

from __future__ import annotations

import time

FRAME = 1 / 60


class Heart:
    """Beats every 5 ms on the GUI thread.

    ``late`` holds by how much each beat came too late, in seconds; ``busy`` the thread's processor time since the beat
    before, which other work on the machine changes less.
    """

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.late, self.busy = [0.0], [0.0]
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._last = self._last_busy = 0.0

    def start(self) -> None:
        if not self._timer.isActive():
            self._last, self._last_busy = time.perf_counter(), time.thread_time()
            self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        self.late.append(max(0.0, now - self._last - 0.005))
        self.busy.append(busy - self._last_busy)
        self._last, self._last_busy = now, busy


def opened_window():
    """The window with its first image and the whole manifold."""
    from latentlab import app

    application = app.build(["--device", "cpu"])
    whole = []
    application.engine.gridTiles.connect(lambda result: whole.append(result.done))
    application.window.show()
    while application.window.decoded_image.image() is None or not any(whole):
        turn(application)
    return application


def turn(application, wait: int = 2) -> None:
    """Let the event loop turn once."""
    from PySide6.QtCore import QCoreApplication, QEventLoop

    flags = QEventLoop.ProcessEventsFlag.AllEvents
    if wait:
        QCoreApplication.processEvents(flags | QEventLoop.ProcessEventsFlag.WaitForMoreEvents, wait)
    QCoreApplication.processEvents(flags)


def rest(application, seconds: float) -> None:
    """Let the event loop turn for a while."""
    from PySide6.QtTest import QTest

    QTest.qWait(max(1, round(1000 * seconds)))


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
