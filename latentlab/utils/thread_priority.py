"""Cores and priorities: the window before its worker, and foreground threads before background threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NICENESS = 10
"""Of what runs in the background of the window; the window has 0, and 19 is the lowest priority."""


def available_cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lower_thread_priority() -> None:
    """Lower the priority of the calling thread, on systems where threads have priorities of their own."""
    if sys.platform == "linux":
        _lower(threading.get_native_id())


def yield_to_the_window(but: int | None = None) -> None:
    """Lower the priority of every thread of this process, where the system allows it.

    Parameters
    ----------
    but
        The system's id of a thread that keeps its priority.
    """
    if not hasattr(os, "setpriority"):
        return
    try:
        threads = [int(name) for name in os.listdir("/proc/self/task") if int(name) != but]
    except OSError:
        threads = [0]  # on other systems the priority is the whole process's
    for thread in threads:
        _lower(thread)


@contextmanager
def short_gil_switch_interval() -> Iterator[None]:
    """Let the threads of this process take the interpreter lock from each other sooner.

    While one thread imports for seconds, each operation of the others takes that lock again. Not for a thread that
    trains: it would lose more than the others gain.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _lower(thread: int) -> None:
    with suppress(OSError):  # the thread has ended, or this is not allowed
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
