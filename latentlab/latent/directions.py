"""Directions worth looking along."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDEST = 1024
"""Dimensions above which so many points at most, evenly chosen, stand for all: d × d numbers would take seconds."""


def principal_components(points: ArrayLike, most: int | None = None) -> NDArray[np.float32]:
    """Directions of greatest variance, strongest first.

    From the covariance matrix, exact whatever the number of points, up to ``WIDEST`` dimensions. A component's sign
    is chosen so that its largest entry is positive: the same points always give the same axes.

    Parameters
    ----------
    points
        [N, d].
    most
        Give only so many.

    Returns
    -------
    ndarray
        float32 [k, d], orthonormal; k is d or ``most``, fewer where the points span less, 0 for fewer than two points.
    """
    array = np.asarray(points, np.float64)
    count, size = array.shape
    k = size if most is None else min(most, size)
    if count < 2:
        return np.zeros((0, size), np.float32)
    if size > WIDEST:
        components = _of_few(array[:: -(-count // WIDEST)], k)
    else:
        away = array - array.mean(axis=0)
        _variances, vectors = np.linalg.eigh(away.T @ away)  # ascending
        components = vectors[:, ::-1].T[:k]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    turned: NDArray[np.float32] = (components * signs[:, None]).astype(np.float32)
    return turned


def _of_few(points: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Components [k, d] of fewer points than dimensions, from the products of the points with each other."""
    away = points - points.mean(axis=0)
    variances, vectors = np.linalg.eigh(away @ away.T)  # ascending
    there = variances[::-1] > variances[-1] * 1e-10  # n points span n − 1 dimensions at the most
    spanned = vectors[:, ::-1][:, there][:, :most].T @ away
    components: NDArray[np.float64] = spanned / np.linalg.norm(spanned, axis=1, keepdims=True)
    return components
