"""Limits how many steps are queued on a GPU: enough that it never waits, few enough that a decode request need not.

Steps are queued without waiting for their results. A replayed step takes the program a tenth of a millisecond and the
GPU several times as long: between two read-outs of the means half a second of steps would pile up, and the decode of an
image, a pause or a changed β would come after all of them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import torch

LONGEST = 0.008
"""Seconds of steps that may be queued, unless one step takes longer."""

_MIN_QUEUED = 2  # steps: one running and one ready
_MOST = 32  # steps: lets a program that was delayed catch up


class Event(Protocol):
    """A marker in the device's queue, as ``torch.cuda.Event``."""

    def record(self) -> None:
        """Append it to the queue."""
        ...

    def query(self) -> bool:
        """Whether the device has reached it."""
        ...

    def synchronize(self) -> None:
        """Wait until the device reaches it."""
        ...


class QueueDepthLimiter:
    """Waits while too many steps are queued.

    Parameters
    ----------
    new_event
        Creates an event.
    clock
        Returns the time in seconds.

    Attributes
    ----------
    max_queued
        Steps that may be queued, from the measured duration of a step.
    """

    def __init__(self, new_event: Callable[[], Event], clock: Callable[[], float] = time.monotonic) -> None:
        self._new_event, self._clock = new_event, clock
        self._queued: deque[Event] = deque()
        self._unused: list[Event] = []
        self._reached_at: float | None = None  # when the last event that was waited for was reached
        self.max_queued = _MIN_QUEUED

    def step_queued(self) -> None:
        """Call after queueing a step; waits while too many are queued."""
        event = self._unused.pop() if self._unused else self._new_event()
        event.record()
        self._queued.append(event)
        while len(self._queued) > self.max_queued:
            self._wait_for(self._queued.popleft())

    def _wait_for(self, event: Event) -> None:
        if event.query():
            self._reached_at = None  # it was reached earlier, at an unknown time
            # The program is the slower one, or has waited elsewhere: there is room for more.
            self.max_queued = min(_MOST, self.max_queued + 1)
        else:
            event.synchronize()
            now = self._clock()
            if self._reached_at is not None:
                seconds = max(now - self._reached_at, LONGEST / _MOST)
                self.max_queued = max(_MIN_QUEUED, int(LONGEST / seconds))
            self._reached_at = now
        self._unused.append(event)


def queue_limiter_for(device: torch.device) -> QueueDepthLimiter | None:
    """The limiter for a device; ``None`` if it has no queue."""
    return QueueDepthLimiter(lambda: _CudaEvent(device)) if device.type == "cuda" else None


class _CudaEvent:
    """An event of a CUDA device's current stream; waiting for it does not keep a CPU core busy."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def record(self) -> None:
        self._event.record(torch.cuda.current_stream(self._device))

    def query(self) -> bool:
        return bool(self._event.query())  # type: ignore[no-untyped-call]

    def synchronize(self) -> None:
        self._event.synchronize()
