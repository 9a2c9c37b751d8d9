"""Walks through latent space: one dimension swept, or a path through waypoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float32]

_NEARLY_PARALLEL = 1e-6


def traverse(z: ArrayLike, dimensions: Sequence[int], values: ArrayLike) -> FloatArray:
    """Sweep dimensions one at a time with the others held.

    Parameters
    ----------
    z
        The latent [d] that is held.
    dimensions
        Which to sweep, each in [0, d).
    values
        [steps] that a swept dimension takes.

    Returns
    -------
    ndarray
        float32 [len(dimensions), steps, d].
    """
    held, values = np.asarray(z, np.float32), np.asarray(values, np.float32)
    sweeps = np.tile(held, (len(dimensions), len(values), 1))
    for row, dimension in enumerate(dimensions):
        sweeps[row, :, dimension] = values
    return sweeps


def interpolate(waypoints: ArrayLike, steps: int, spherical: bool = False) -> FloatArray:
    """Latents at even places along a path through waypoints, its ends included.

    Each leg takes an equal share of the path, however long it is, so every waypoint is as prominent as the others.

    Parameters
    ----------
    waypoints
        [n, d], n ≥ 1.
    steps
        Latents along the whole path, at least 1.
    spherical
        Turn from one waypoint's direction to the next at an even angle while the distance to the origin changes
        evenly (Shoemake 1985; White 2016, arXiv:1609.04468): in many dimensions the straight line crosses a region
        near the origin where the prior has hardly any mass.

    Returns
    -------
    ndarray
        float32 [steps, d].
    """
    points = np.asarray(waypoints, np.float64)
    if len(points) == 1:
        return np.repeat(points, steps, axis=0).astype(np.float32)
    place = np.linspace(0, len(points) - 1, steps)
    leg = np.minimum(place.astype(int), len(points) - 2)
    share = (place - leg)[:, None]
    start, end = points[leg], points[leg + 1]
    path = _turn(start, end, share) if spherical else start + share * (end - start)
    return path.astype(np.float32)


def _turn(start: NDArray[np.float64], end: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spherical interpolation of directions [n, d], linear of lengths; straight where no angle is defined."""
    straight = start + share * (end - start)
    start_length = np.linalg.norm(start, axis=1, keepdims=True)
    end_length = np.linalg.norm(end, axis=1, keepdims=True)
    product = start_length * end_length
    cosine = np.clip((start * end).sum(1, keepdims=True) / np.where(product > 0, product, 1), -1, 1)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    defined = (product > 0) & (sine > _NEARLY_PARALLEL)
    sine = np.where(defined, sine, 1)
    direction = np.sin((1 - share) * angle) / sine * start / np.where(start_length > 0, start_length, 1) + np.sin(
        share * angle
    ) / sine * end / np.where(end_length > 0, end_length, 1)
    return np.where(defined, (start_length + share * (end_length - start_length)) * direction, straight)
