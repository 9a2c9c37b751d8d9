"""The worker's process gives way to the window's."""

from __future__ import annotations

import os


def yield_to_the_window(niceness: int = 10, but: int | None = None) -> None:
    """Lower the priority of every thread of this process, where the system lets one.

    Parameters
    ----------
    niceness
        0 is the window's, 19 the lowest.
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
        try:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
        except OSError:  # ended meanwhile, or not allowed
            continue
