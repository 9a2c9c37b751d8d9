"""How much of a run's time may go into showing how it learns: one budget, and what each part of it has."""

from __future__ import annotations

import time

POINTS = 0.018
"""The encoded points on the map."""
MANIFOLD = 0.01
"""The decoded manifold behind them."""
STRIP = 0.007
"""The filmstrip."""
HISTORY = 0.01
"""What is kept of each epoch, to be replayed."""
HAND = 0.005
"""A copy of the weights for the image under the hand."""

FOLLOWING = POINTS + MANIFOLD + STRIP + HISTORY + HAND
"""All of it, at most: a twentieth."""

PATIENCE = 30.0  # seconds to wait for an answer that may never come, such as one that failed


class DutyCycle:
    """Lets something be made again when what it cost last is its share of the time from then on.

    Parameters
    ----------
    share
        Of the time, above 0.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._next = 0.0

    def ask(self) -> None:
        """Note that it was asked for."""
        self._next = time.monotonic() + PATIENCE

    def spent(self, seconds: float) -> None:
        """Note that it is there, and what it cost."""
        self._next = time.monotonic() + seconds * (1.0 / self._share - 1.0)

    def allows(self) -> bool:
        """Whether it may be made again only because the model learned."""
        return time.monotonic() >= self._next
