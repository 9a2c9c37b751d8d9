"""Which image of a film is due now: frames that come too late are left out, never queued."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

_TICK_MS = 8  # less than a frame of the screen


class PathPlayer(QObject):
    """Counts the frames of a film by the clock.

    Signals
    -------
    frameDue(index)
        Another frame is to be shown.
    ended
        The last frame of a film that does not repeat has been shown.
    """

    frameDue = Signal(int)
    ended = Signal()

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(parent)
        self._clock = clock
        self._count, self._speed, self._repeats = 0, 20.0, False
        self._index, self._began_at, self._began_with = 0, 0.0, 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def index(self) -> int:
        """The frame that is shown."""
        return self._index

    @property
    def is_playing(self) -> bool:
        """Whether frames follow."""
        return self._timer.isActive()

    def set_film(self, count: int, speed: float, repeats: bool) -> None:
        """Set the number of frames, those a second, and whether the first follows the last.

        Playing continues at the same fraction of the film.
        """
        if count != self._count and self._count:
            self._index = min(count - 1, round(self._index * count / self._count)) if count else 0
        self._count, self._speed, self._repeats = count, speed, repeats
        self._index = max(0, min(self._index, count - 1))
        self._begin_here()
        if not count:
            self.pause()

    def play(self) -> None:
        """Play from the frame that is shown, or from the first when it is the last."""
        if not self._count:
            return
        if self._index == self._count - 1 and not self._repeats:
            self._show(0)
        self._begin_here()
        self._timer.start()

    def pause(self) -> None:
        """Stay at the frame that is shown."""
        self._timer.stop()

    def show(self, index: int) -> None:
        """Show this frame; playing continues from there."""
        if self._count:
            self._show(max(0, min(index, self._count - 1)))
            self._begin_here()

    def tick(self) -> None:
        """Show the frame that is due, if it is another one."""
        passed = int((self._clock() - self._began_at) * self._speed)
        index = self._began_with + passed
        if self._repeats:
            index %= self._count
        elif index >= self._count - 1:
            self._show(self._count - 1)
            self.pause()
            self.ended.emit()
            return
        if index != self._index:
            self._show(index)

    def _begin_here(self) -> None:
        self._began_at, self._began_with = self._clock(), self._index

    def _show(self, index: int) -> None:
        self._index = index
        self.frameDue.emit(index)
