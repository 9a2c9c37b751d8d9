"""Keeps Python's garbage collector from searching millions of live objects."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Disable the collector inside the block; afterwards it is as before.

    With a million objects a collection takes a second, at an unpredictable moment, and finds nothing: descriptions of
    files have no reference cycles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def set_aside() -> None:
    """Exclude all present objects from later collections; they are still freed when nothing refers to them."""
    gc.freeze()
    # Without this, frozen objects would not be finalised at exit, which some libraries report.
    atexit.unregister(gc.unfreeze)
    atexit.register(gc.unfreeze)
