"""Python's collector of garbage, kept from looking through what a million files are described by."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Have no garbage looked for meanwhile; once it is over, as before.

    Looking takes a second where a million objects are held, in the midst of whichever step makes the next one, and
    finds nothing: descriptions of files hold no circles.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def set_aside() -> None:
    """Leave all that is held now out of every later search; it still goes when nothing refers to it any more."""
    gc.freeze()
    # What is set aside would not be taken down when the process ends, of which some libraries complain.
    atexit.unregister(gc.unfreeze)
    atexit.register(gc.unfreeze)
