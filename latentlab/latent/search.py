"""Nearest neighbours by brute force: exact, and fast enough for a million points of few dimensions.

Squared distances are computed in the points' own precision, in chunks that fit the processor's cache. They decide only
which few points may be among the nearest, with an allowance for rounding; those are compared in double precision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray, same_dimensions

_CHUNK_VALUES = 1 << 16  # 256 KB of float32
_BLOCKS = 4096  # at least: of so many blocks of points the nearest point is found first
_COLUMNS = 1 << 15  # points in one product of an index


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
    index, distance = neighbours(points, z, count)
    return index, distance.astype(np.float32)


def neighbours(points: ArrayLike, z: ArrayLike, k: int = 5) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k points nearest to one latent or to each of several, by Euclidean distance.

    Parameters
    ----------
    points
        [N, d], N ≥ 1; float32 is searched fastest. A point with a value that is not finite is never found.
    z
        [d] or [q, d].
    k
        Number of neighbours, at least 1; at most N are returned.

    Returns
    -------
    index
        int64 [k] or [q, k], nearest first; ties by index.
    distance
        float64 [k] or [q, k].

    Raises
    ------
    InputError
        For wrong shapes, no points, or values of ``z`` that are not finite.

    Examples
    --------
    >>> from latentlab.latent import neighbours
    >>> index, distance = neighbours([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]], [0.0, 0.0], k=2)
    >>> index.tolist(), distance.tolist()
    ([0, 2], [0.0, 1.0])
    """
    array = _as_points(points)
    target, k = _checked(z, k, array)
    if target.ndim == 1:
        return _nearest_of_one(array, target, k)
    return NeighbourIndex(array).query(target, k)


class NeighbourIndex:
    """Points prepared for many searches: a search takes a third of the time of :func:`neighbours`.

    Parameters
    ----------
    points
        [N, d], N ≥ 1; kept, and not to be changed. A copy as float32 is made.

    Examples
    --------
    >>> from latentlab.latent import NeighbourIndex
    >>> index = NeighbourIndex([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]])
    >>> index.query([[0.0, 0.0], [3.0, 3.0]], k=1)[0].tolist()
    [[0], [1]]
    """

    def __init__(self, points: ArrayLike) -> None:
        self._points = _as_points(points)
        with np.errstate(over="ignore", invalid="ignore"):
            # Relative to a point amid the others: differences of large squares lose digits.
            self._centre = np.median(self._points[:: max(1, len(self._points) // 1000)], axis=0).astype(np.float64)
            self._centre[~np.isfinite(self._centre)] = 0
            self._columns = np.empty(self._points.shape[::-1], np.float32)
            np.subtract(self._points.T, self._centre[:, None], out=self._columns, casting="same_kind")
            self._squares = np.einsum("dn,dn->n", self._columns, self._columns)
        self._largest = float(self._squares.max())

    def query(self, z: ArrayLike, k: int = 5) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """As :func:`neighbours`."""
        target, k = _checked(z, k, self._points)
        if target.ndim == 1:
            return self._nearest(target, k)
        index, distance = np.empty((len(target), k), np.int64), np.empty((len(target), k))
        for row, latent in enumerate(target):
            index[row], distance[row] = self._nearest(latent, k)
        return index, distance

    def _nearest(self, z: FloatArray, k: int) -> tuple[NDArray[np.int64], FloatArray]:
        """|x − z|² − |z|² = |x|² − 2 x·z, with an allowance for rounding."""
        shifted = z - self._centre
        error = 4 * np.finfo(np.float32).eps * (len(z) + 4) * (self._largest + float(shifted @ shifted))
        if not np.isfinite(error):
            return _nearest_of_one(self._points, z, k)
        factor = (-2 * shifted).astype(np.float32)
        score = np.empty(len(self._squares), np.float32)
        for start in range(0, len(score), _COLUMNS):
            part = slice(start, start + _COLUMNS)
            np.matmul(factor, self._columns[:, part], out=score[part])
            score[part] += self._squares[part]
        candidates = np.flatnonzero(score <= np.float32(_upper_bound(score, k) + 2 * error))
        return _ranked(self._points, z, candidates, k)


def _as_points(points: ArrayLike) -> NDArray[np.floating]:
    array = np.asarray(points)
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "fiu":
        raise InputError(f"the points must be numbers [N, d], not {array.dtype} {list(array.shape)}")
    if not len(array):
        raise InputError("there are no points")
    if array.dtype not in (np.float32, np.float64):
        return array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    return array


def _checked(z: ArrayLike, k: int, points: NDArray[np.floating]) -> tuple[FloatArray, int]:
    target = np.asarray(z, np.float64)
    if target.ndim not in (1, 2):
        raise InputError(f"z must be a latent [d] or latents [q, d], not an array {list(target.shape)}")
    same_dimensions(points, target, "the points and z")
    if not np.isfinite(target).all():
        raise InputError("z has a value that is not finite")
    if k < 1:
        raise InputError(f"at least 1 neighbour must be asked for, not {k}")
    return target, min(k, len(points))


# --- one query ----------------------------------------------------------------------------------------------


def _nearest_of_one(points: NDArray[np.floating], z: FloatArray, k: int) -> tuple[NDArray[np.int64], FloatArray]:
    with np.errstate(over="ignore", invalid="ignore"):
        squared = _squared_distances(points, z)
        bound = _upper_bound(squared, k)
        if not np.isfinite(bound) and points.dtype != np.float64:
            return _nearest_of_one(points.astype(np.float64), z, k)  # squares beyond the range of float32
        limit = _with_allowance(bound, z, float(np.finfo(points.dtype).eps))
        candidates = np.flatnonzero(squared <= limit)
    return _ranked(points, z, candidates, k)


def _squared_distances(points: NDArray[np.floating], z: FloatArray) -> NDArray[np.floating]:
    """[N], in the points' precision."""
    count, size = points.shape
    squared = np.empty(count, points.dtype)
    rows = max(1, _CHUNK_VALUES // size)
    # As long rows: numpy's loops over rows of few numbers take several times as long.
    repeated = np.tile(z.astype(points.dtype), min(rows, count))
    ones = np.ones(size, points.dtype)
    difference = np.empty_like(repeated)
    for start in range(0, count, rows):
        chunk = np.ascontiguousarray(points[start : start + rows])
        part = difference[: chunk.size]
        np.subtract(chunk.reshape(-1), repeated[: chunk.size], out=part)
        np.multiply(part, part, out=part)
        np.matmul(part.reshape(-1, size), ones, out=squared[start : start + rows])
    return squared


def _upper_bound(squared: NDArray[np.floating], k: int) -> float:
    """A number that at least k of the squared distances do not exceed: the k-th least of the minima of blocks."""
    blocks = max(_BLOCKS, 2 * k)
    length = len(squared) // blocks
    if length > 1:
        squared = squared[: blocks * length].reshape(length, blocks).min(axis=0)
    return float(np.partition(squared, k - 1)[k - 1])


def _with_allowance(squared: float, z: FloatArray, eps: float) -> float:
    """A squared distance, enlarged by the rounding errors of both this one and one that it is compared with."""
    distance = np.sqrt(squared)
    return float((distance + 2 * eps * (np.linalg.norm(z) + (len(z) + 4) * distance)) ** 2 * (1 + 4 * eps))


def _ranked(
    points: NDArray[np.floating], z: FloatArray, candidates: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], FloatArray]:
    """The k nearest of few candidates, by distances in double precision."""
    difference = points[candidates].astype(np.float64) - z
    distance = np.sqrt(np.einsum("nd,nd->n", difference, difference))
    order = np.lexsort((candidates, distance))[:k]
    if len(order) < k or not np.isfinite(distance[order[-1]]):
        raise InputError(f"fewer than {k} of the points have finite values")
    return candidates[order], distance[order]
