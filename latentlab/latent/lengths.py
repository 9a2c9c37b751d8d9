"""How long a path is: in latents, in its images, and in the decoder's metric (numpy; no torch, no Qt)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from latentlab.latent.arrays import FloatArray
from latentlab.latent.polyline import step_lengths


@dataclass(frozen=True, eq=False)
class Evaluate:
    """What a solver asks its caller to compute, so that the caller can do it in pieces.

    The answer is a tuple: images [n, p] of the latents, and their derivatives [n, k, p] along the directions (``None``
    if none were asked for).

    Attributes
    ----------
    latents
        float64 [n, d].
    directions
        float64 [k, d], the same at each latent, or [n, k, d]; or ``None``.
    curve
        The best curve so far, float64 [m, d].
    """

    latents: FloatArray
    directions: FloatArray | None
    curve: FloatArray


Answer = tuple[FloatArray, FloatArray | None]


@dataclass(frozen=True)
class PathLengths:
    """Lengths of a path, including the way back of a loop.

    Attributes
    ----------
    latent
        In latent units: Euclidean.
    pixel
        In pixel values from 0 to 1: the sum of the Euclidean distances between the images of close latents.
    metric
        In the decoder's pull-back metric JᵀJ: the integral of the images' speed, by derivatives at the middle of each
        side. For an unbroken decoder it is what ``pixel`` tends to when the latents come closer.
    """

    latent: float
    pixel: float
    metric: float

    def is_longer(self, other: PathLengths) -> bool:
        """Whether the images change more than along the other path, by either of the two ways to measure it."""
        return self.pixel > other.pixel or self.metric > other.metric


def total(lengths: list[PathLengths]) -> PathLengths:
    """Lengths of a path whose parts have these."""
    return PathLengths(
        sum(each.latent for each in lengths), sum(each.pixel for each in lengths), sum(each.metric for each in lengths)
    )


def measure(latents: FloatArray, shown: FloatArray) -> Generator[Evaluate, Answer, tuple[PathLengths, FloatArray]]:
    """Lengths of a polyline [m, d], and of each of its sides in pixel values; ``shown`` is the curve of the questions.

    Two paths are to be compared by polylines of equally many sides: a decoder is not smooth, and more sides find
    more of its changes.
    """
    images, _ = yield Evaluate(latents, None, shown)
    steps = step_lengths(images)
    del images
    sides = np.diff(latents, axis=0)
    _, derivatives = yield Evaluate(latents[:-1] + sides / 2, sides[:, None], shown)
    assert derivatives is not None
    speeds = np.linalg.norm(derivatives[:, 0], axis=1)
    return PathLengths(float(np.linalg.norm(sides, axis=1).sum()), float(steps.sum()), float(speeds.sum())), steps
