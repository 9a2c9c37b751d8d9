"""Traversals of single dimensions, and paths through waypoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float32]

_NEARLY_PARALLEL = 1e-6


def traverse(z: ArrayLike, dimensions: Sequence[int], values: ArrayLike) -> FloatArray:
    """Vary one dimension at a time and keep the others fixed.

    Parameters
    ----------
    z
        The latent [d] that gives the fixed values.
    dimensions
        Dimensions to vary, each in [0, d).
    values
        Values [steps] of the varied dimension.

    Returns
    -------
    ndarray
        float32 [len(dimensions), steps, d].
    """
    fixed, values = np.asarray(z, np.float32), np.asarray(values, np.float32)
    latents = np.tile(fixed, (len(dimensions), len(values), 1))
    for row, dimension in enumerate(dimensions):
        latents[row, :, dimension] = values
    return latents


def interpolate(waypoints: ArrayLike, steps: int, spherical: bool = False) -> FloatArray:
    """Latents along a path through waypoints, including its ends.

    Every segment gets the same number of steps, whatever its length.

    Parameters
    ----------
    waypoints
        [n, d], n ≥ 1.
    steps
        Number of latents on the whole path, at least 1.
    spherical
        Interpolate the direction spherically and the distance to the origin linearly (Shoemake 1985; White 2016,
        arXiv:1609.04468): in many dimensions a straight line crosses a region near the origin where the prior has
        hardly any mass.

    Returns
    -------
    ndarray
        float32 [steps, d].
    """
    points = np.asarray(waypoints, np.float64)
    if len(points) == 1:
        return np.repeat(points, steps, axis=0).astype(np.float32)
    position = np.linspace(0, len(points) - 1, steps)
    segment = np.minimum(position.astype(int), len(points) - 2)
    t = (position - segment)[:, None]
    start, end = points[segment], points[segment + 1]
    path = _slerp(start, end, t) if spherical else start + t * (end - start)
    return path.astype(np.float32)


def _slerp(start: NDArray[np.float64], end: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spherical interpolation of directions [n, d], linear of lengths; linear where no angle is defined."""
    straight = start + t * (end - start)
    start_length = np.linalg.norm(start, axis=1, keepdims=True)
    end_length = np.linalg.norm(end, axis=1, keepdims=True)
    product = start_length * end_length
    cosine = np.clip((start * end).sum(1, keepdims=True) / np.where(product > 0, product, 1), -1, 1)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    defined = (product > 0) & (sine > _NEARLY_PARALLEL)
    sine = np.where(defined, sine, 1)
    from_start = np.sin((1 - t) * angle) / sine * start / np.where(start_length > 0, start_length, 1)
    from_end = np.sin(t * angle) / sine * end / np.where(end_length > 0, end_length, 1)
    direction = from_start + from_end
    return np.where(defined, (start_length + t * (end_length - start_length)) * direction, straight)
