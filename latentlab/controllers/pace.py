"""How often what learns may be drawn anew: not for more than a small share of the training's time."""

from __future__ import annotations

import time

PATIENCE = 30.0  # seconds to wait for an answer that may never come, such as one that failed
SHARE = 0.02  # of the run's time for each picture that follows it, beside what encoding the points takes


class Pace:
    """Lets a picture be asked for again when its last cost is a small share of the time since then."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._next = 0.0

    def ask(self) -> None:
        """Note that the picture was asked for."""
        self._next = time.monotonic() + PATIENCE

    def note(self, seconds: float) -> None:
        """Note that it came, and what it cost."""
        self._next = time.monotonic() + seconds * (1.0 / self._share - 1.0)

    def may_follow(self) -> bool:
        """Whether the picture may be asked for again only because the model learned."""
        return time.monotonic() >= self._next
