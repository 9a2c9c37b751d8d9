"""How far the program runs ahead of a GPU: far enough that it never waits, no further, for the hand waits behind it.

Steps are queued without waiting for any. A replayed step takes the program a tenth of a millisecond and the GPU several
times as long: between two read-outs of the means, half a second of steps would pile up, and an image that is to be
decoded in between, a pause, or a changed β would come after all of them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import torch

LONGEST = 0.008
"""Seconds of steps that may be queued, where a step is not longer."""

_FEWEST = 2  # steps: one that runs, and one that is ready
_MOST = 32  # by which a program that was held up is caught up with


class Event(Protocol):
    """A mark in a device's queue."""

    def record(self) -> None:
        """Put it at the queue's end."""
        ...

    def query(self) -> bool:
        """Whether the device has come to it."""
        ...

    def synchronize(self) -> None:
        """Wait until it has."""
        ...


class QueueDepthLimiter:
    """Waits until few enough steps are queued.

    Parameters
    ----------
    mark
        Makes a mark.
    clock
        Tells the time in seconds.

    Attributes
    ----------
    most
        Steps that may be queued; by how long they were found to take.
    """

    def __init__(self, mark: Callable[[], Event], clock: Callable[[], float] = time.monotonic) -> None:
        self._mark, self._clock = mark, clock
        self._queued: deque[Event] = deque()
        self._free: list[Event] = []
        self._came_at: float | None = None  # when the last step that was waited for was done
        self.most = _FEWEST

    def queued(self) -> None:
        """Note that a step was queued, and wait while there are too many."""
        mark = self._free.pop() if self._free else self._mark()
        mark.record()
        self._queued.append(mark)
        while len(self._queued) > self.most:
            self._let_pass(self._queued.popleft())

    def _let_pass(self, mark: Event) -> None:
        if mark.query():
            self._came_at = None  # it was done earlier: who knows when
            # The device is not the slower one, or was waited for elsewhere: then there is room for more.
            self.most = min(_MOST, self.most + 1)
        else:
            mark.synchronize()
            now = self._clock()
            if self._came_at is not None:
                took = max(now - self._came_at, LONGEST / _MOST)
                self.most = max(_FEWEST, int(LONGEST / took))
            self._came_at = now
        self._free.append(mark)


def run_ahead_on(device: torch.device) -> QueueDepthLimiter | None:
    """What limits the steps queued on a device; ``None`` where none are."""
    if device.type != "cuda":
        return None

    def mark() -> Event:
        return _Mark(device)

    return QueueDepthLimiter(mark)


class _Mark:
    """An event of a CUDA device's current stream, waited for without keeping a processor busy."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def record(self) -> None:
        self._event.record(torch.cuda.current_stream(self._device))

    def query(self) -> bool:
        return bool(self._event.query())  # type: ignore[no-untyped-call]

    def synchronize(self) -> None:
        self._event.synchronize()
