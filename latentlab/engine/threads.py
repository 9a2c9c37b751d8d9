"""How many threads torch gets: as many as are really fastest while the window rests, one while the hand is busy.

Two threads that wait for each other at every small operation can be several times slower than one when a window
draws beside them; when nothing else wants the processor they may be faster. Neither is known in advance, so steps
are timed: a few with each number at the start of a run, and again now and then.
"""

from __future__ import annotations

import os
import time
from statistics import median

import torch

_STEPS_PER_TRIAL = 6
_HAND_RESTS_AFTER = 0.5  # seconds
_MEASURE_AGAIN = 20.0  # seconds


class Threads:
    """Sets torch's number of threads between the steps of a run on the CPU.

    Parameters
    ----------
    cores
        Processor cores that may be used; counted when ``None``.
    """

    def __init__(self, cores: int | None = None) -> None:
        cores = cores or usable_cores()
        self._choices = sorted({1, *(1 << k for k in range(cores.bit_length()) if 1 << k <= cores), cores})
        self._hand_at = -_HAND_RESTS_AFTER
        self._best = 1
        self._trials: dict[int, list[float]] = {}
        self._measured_at = -_MEASURE_AGAIN
        self._now = 0
        self._use(1)

    @property
    def number(self) -> int:
        """How many there are now."""
        return self._now

    def note_hand(self) -> None:
        """Something under the hand was asked for: one thread until it rests."""
        self._hand_at = time.monotonic()

    def before_step(self) -> None:
        """Choose the number for the step that comes."""
        now = time.monotonic()
        if now - self._hand_at < _HAND_RESTS_AFTER:
            self._trials.clear()
            self._use(1)
        elif len(self._choices) > 1 and now - self._measured_at > _MEASURE_AGAIN:
            self._use(self._next_trial())
        else:
            self._use(self._best)

    def after_step(self, seconds: float) -> None:
        """Take in how long the step took."""
        now = time.monotonic()
        if now - self._measured_at <= _MEASURE_AGAIN or now - self._hand_at < _HAND_RESTS_AFTER:
            return
        self._trials.setdefault(self._now, []).append(seconds)
        if all(len(self._trials.get(choice, ())) >= _STEPS_PER_TRIAL for choice in self._choices):
            # The first step with another number of threads pays for the change.
            self._best = min(self._choices, key=lambda choice: median(self._trials[choice][1:]))
            self._trials.clear()
            self._measured_at = now

    def rest(self) -> None:
        """No run is live: back to one thread, which serves decoding best."""
        self._measured_at = -_MEASURE_AGAIN
        self._trials.clear()
        self._use(1)

    def _next_trial(self) -> int:
        return next(choice for choice in self._choices if len(self._trials.get(choice, ())) < _STEPS_PER_TRIAL)

    def _use(self, number: int) -> None:
        if number != self._now:
            torch.set_num_threads(number)
            self._now = number


def usable_cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def yield_to_the_window(niceness: int = 10) -> None:
    """Let every thread of this process give way to the window's, where the system lets one."""
    if not hasattr(os, "setpriority"):
        return
    try:
        threads = [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:
        threads = [0]  # elsewhere the priority is the whole process's
    for thread in threads:
        try:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
        except OSError:  # ended meanwhile, or not allowed
            continue
