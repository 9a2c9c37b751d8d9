"""Principal components of the encoded points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDEST = 1024
"""With more dimensions than this, at most this many evenly spaced points are used: a d × d matrix takes seconds."""


def principal_components(points: ArrayLike, most: int | None = None) -> NDArray[np.float32]:
    """Directions of greatest variance, strongest first.

    Exact, from the covariance matrix, up to ``WIDEST`` dimensions. The sign of a component makes its largest entry
    positive, so that equal points give equal axes.

    Parameters
    ----------
    points
        [N, d].
    most
        Maximum number of components.

    Returns
    -------
    ndarray
        float32 [k, d], orthonormal; k ≤ d and k ≤ ``most``, less where the points span fewer dimensions, 0 for
        fewer than two points.
    """
    array = np.asarray(points, np.float64)
    count, size = array.shape
    k = size if most is None else min(most, size)
    if count < 2:
        return np.zeros((0, size), np.float32)
    if size > WIDEST:
        components = _by_gram_matrix(array[:: -(-count // WIDEST)], k)
    else:
        centred = array - array.mean(axis=0)
        _variances, vectors = np.linalg.eigh(centred.T @ centred)  # ascending
        components = vectors[:, ::-1].T[:k]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    signed: NDArray[np.float32] = (components * signs[:, None]).astype(np.float32)
    return signed


def _by_gram_matrix(points: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Components [k, d] of fewer points than dimensions, from the points' Gram matrix."""
    centred = points - points.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred @ centred.T)  # ascending
    nonzero = variances[::-1] > variances[-1] * 1e-10  # n points span at most n − 1 dimensions
    scaled = vectors[:, ::-1][:, nonzero][:, :most].T @ centred
    components: NDArray[np.float64] = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return components
