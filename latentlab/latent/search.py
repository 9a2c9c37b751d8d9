"""Nearest neighbours by brute force: exact, and fast enough for a million points of few dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CHUNK_VALUES = 1 << 20


def nearest(points: ArrayLike, z: ArrayLike, count: int = 1) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the points nearest to one latent, by Euclidean distance.

    Parameters
    ----------
    points
        [N, d], N ≥ 1.
    z
        [d].
    count
        Number of points; at most N are returned.

    Returns
    -------
    index
        int64 [count], nearest first; ties by index.
    distance
        float32 [count].
    """
    array, target = np.asarray(points), np.asarray(z)
    squared = np.empty(len(array))
    # In chunks: the differences of a million points do not fit the processor's cache.
    rows = max(1, _CHUNK_VALUES // max(1, array.shape[1]))
    for start in range(0, len(array), rows):
        difference = array[start : start + rows] - target
        np.einsum("nd,nd->n", difference, difference, out=squared[start : start + rows])
    count = min(count, len(array))
    if count == 1:
        index = np.array([squared.argmin()])
    else:
        index = np.argpartition(squared, count - 1)[:count] if count < len(array) else np.arange(count)
        index = index[np.lexsort((index, squared[index]))]
    return index.astype(np.int64), np.sqrt(squared[index]).astype(np.float32)
