"""The worker's process gives way to the window's."""

from __future__ import annotations

import os


def yield_to_the_window(niceness: int = 10) -> None:
    """Lower the priority of every thread of this process, where the system lets one."""
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
