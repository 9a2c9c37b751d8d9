"""Numbers that tell one movement of the hand from the next, so that each becomes one step of undo."""

from __future__ import annotations

import itertools

_numbers = itertools.count(1)


def next_gesture() -> int:
    """A number no gesture of this process has had."""
    return next(_numbers)
