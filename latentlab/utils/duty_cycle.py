"""Limits the share of a run's time that is spent on showing its progress."""

from __future__ import annotations

import time

POINTS = 0.012
"""Share of the run's time for the encoded points on the map."""
MANIFOLD = 0.01
"""For the decoded manifold behind them."""
STRIP = 0.006
"""For the filmstrip."""
PICTURES = 0.003
"""For decoded pictures at the points."""
DISTANCES = 0.002
"""For the distances of the map's plane from the points."""
FIELDS = 0.002
"""For the other quantities at every place of the map, while such a layer is visible."""
SNAPSHOTS = 0.01
"""For the snapshots of epochs that the run folder keeps."""
WEIGHTS_COPY = 0.005
"""For copies of the weights, by which the image at the pointer is decoded."""

TOTAL = POINTS + MANIFOLD + STRIP + PICTURES + DISTANCES + FIELDS + SNAPSHOTS + WEIGHTS_COPY
"""All of them together."""

TIMEOUT = 30.0  # seconds to wait for an answer that may never come, for instance after a failure


class DutyCycle:
    """Limits how often something is computed, so that its cost stays within a share of the time.

    Parameters
    ----------
    share
        Of the time, above 0.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._next = 0.0

    def mark_requested(self) -> None:
        """Note that it is being computed."""
        self._next = time.monotonic() + TIMEOUT

    def record_cost(self, seconds: float) -> None:
        """Note that it was computed in so many seconds."""
        self._next = time.monotonic() + seconds * (1.0 / self._share - 1.0)

    def is_ready(self) -> bool:
        """Whether it may be computed again."""
        return time.monotonic() >= self._next
