"""Who comes first: the worker's process gives way to the window's, and its threads to each other."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NICENESS = 10
"""0 is the window's, 19 the lowest."""


def lower_thread_priority() -> None:
    """Lower the priority of the thread that calls this, where threads have one of their own."""
    if sys.platform == "linux":
        _lower(threading.get_native_id())


def yield_to_the_window(but: int | None = None) -> None:
    """Lower the priority of every thread of this process, where the system lets one.

    Parameters
    ----------
    but
        The system's number of a thread that keeps the priority it has.
    """
    if not hasattr(os, "setpriority"):
        return
    try:
        threads = [int(name) for name in os.listdir("/proc/self/task") if int(name) != but]
    except OSError:
        threads = [0]  # elsewhere the priority is the whole process's
    for thread in threads:
        _lower(thread)


@contextmanager
def short_gil_switch_interval() -> Iterator[None]:
    """Let the threads of this process take the interpreter's lock from each other sooner.

    While one imports for seconds, each of the other's operations takes that lock anew. Not for one that takes a run's
    steps: it would lose more than the other gains.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _lower(thread: int) -> None:
    with suppress(OSError):  # ended meanwhile, or not allowed
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
