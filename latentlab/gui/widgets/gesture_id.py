"""Ids of gestures: all changes of one drag or key press have the same id and form one undo step."""

from __future__ import annotations

import itertools

_ids = itertools.count(1)


def next_gesture() -> int:
    """A new id, unique in this process."""
    return next(_ids)
