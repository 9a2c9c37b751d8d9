"""Directions worth looking along."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def principal_components(points: ArrayLike, most: int | None = None) -> NDArray[np.float32]:
    """Directions of greatest variance, strongest first.

    From the covariance matrix, exact whatever the number of points. A component's sign is chosen so that its
    largest entry is positive: the same points always give the same axes.

    Parameters
    ----------
    points
        [N, d].
    most
        Give only so many.

    Returns
    -------
    ndarray
        float32 [k, d], orthonormal; k is d or ``most``, and 0 for fewer than two points.
    """
    array = np.asarray(points, np.float64)
    count, size = array.shape
    k = size if most is None else min(most, size)
    if count < 2:
        return np.zeros((0, size), np.float32)
    away = array - array.mean(axis=0)
    _variances, vectors = np.linalg.eigh(away.T @ away)  # ascending
    components = vectors[:, ::-1].T[:k]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    turned: NDArray[np.float32] = (components * signs[:, None]).astype(np.float32)
    return turned
