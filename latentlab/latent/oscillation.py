"""Slow movement through a latent space: sums of oscillations, and paths that were recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from latentlab.errors import InputError
from latentlab.utils.array_types import FloatArray

Shape = Literal["sine", "triangle", "wander"]
SHAPES: tuple[Shape, ...] = ("sine", "triangle", "wander")
_WANDERING = (1.0, (1 + math.sqrt(5)) / 2, math.sqrt(7))  # frequencies without a common period


@dataclass(frozen=True)
class Oscillation:
    """One oscillation along a vector.

    Attributes
    ----------
    vector
        float32 [d], which the latent is moved along, at most ``depth`` times forth and back.
    rate
        Oscillations a second (Hz).
    depth
        Amplitude, in lengths of the vector.
    phase
        At 0 s, in whole oscillations: 0.25 begins at the crest.
    shape
        ``sine``; ``triangle``, at constant speed; or ``wander``, three sines without a common period.
    """

    vector: FloatArray
    rate: float
    depth: float
    phase: float = 0.0
    shape: Shape = "sine"

    def value(self, seconds: float) -> float:
        """Where it is, from −``depth`` to ``depth``."""
        turns = self.rate * seconds + self.phase
        if self.shape == "triangle":
            return self.depth * (1 - 4 * abs((turns + 0.25) % 1 - 0.5))
        if self.shape == "wander":
            return self.depth * sum(math.sin(2 * math.pi * each * turns) for each in _WANDERING) / len(_WANDERING)
        return self.depth * math.sin(2 * math.pi * turns)


def displacement(oscillations: Sequence[Oscillation], seconds: float, size: int) -> FloatArray:
    """Sum of all oscillations: float32 [size].

    Parameters
    ----------
    oscillations
        All of vectors [size].
    seconds
        Since their beginning.
    size
        Dimensions of the latent space.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent.oscillation import Oscillation, displacement
    >>> displacement([Oscillation(np.array([2, 0], np.float32), rate=0.5, depth=1.5)], 0.5, 2).tolist()
    [3.0, 0.0]
    """
    total = np.zeros(size, np.float64)
    for each in oscillations:
        total += each.value(seconds) * each.vector.astype(np.float64)
    moved: FloatArray = total.astype(np.float32)
    return moved


def recorded_path(times: ArrayLike, latents: ArrayLike, rate: float = 20.0, most: int = 400) -> FloatArray:
    """Waypoints at equal intervals of time of a movement that was recorded: float32 [n, d].

    Parameters
    ----------
    times
        Seconds, ascending, [k].
    latents
        [k, d], each since its time; between two of them the movement is straight.
    rate
        Waypoints a second.
    most
        Waypoints at most: of a longer recording they are farther apart.

    Raises
    ------
    InputError
        When there are fewer than two latents, or other numbers of times and latents.
    """
    at, points = np.asarray(times, np.float64), np.asarray(latents, np.float64)
    if len(at) < 2 or points.ndim != 2 or at.shape != points.shape[:1]:
        raise InputError("a recorded path needs two latents at least, with a time each")
    count = int(np.clip(round((at[-1] - at[0]) * rate) + 1, 2, most))
    wanted = np.linspace(at[0], at[-1], count)
    after = np.clip(np.searchsorted(at, wanted), 1, len(at) - 1)
    share = (wanted - at[after - 1]) / np.maximum(at[after] - at[after - 1], 1e-12)
    way: FloatArray = (points[after - 1] + share.clip(0, 1)[:, None] * (points[after] - points[after - 1])).astype(
        np.float32
    )
    return way
