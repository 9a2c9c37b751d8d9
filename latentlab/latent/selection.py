"""Which points lie inside a polygon, and what a selection consists of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError

_CELLS = 256  # along each side of the polygon's bounding box
_FEW = 4096  # points that are tested at once, without cells


def contains(polygon: ArrayLike, points: ArrayLike) -> NDArray[np.bool_]:
    """Which points lie inside a polygon, by the even-odd rule.

    Exact: the same as counting, for every point, the edges that a ray to the right crosses. Cells of the polygon's
    bounding box that no edge comes near are decided as a whole.

    Parameters
    ----------
    polygon
        [n, 2] corners; the last is joined to the first. Fewer than 3 contain nothing. It may cross itself.
    points
        [N, 2]; a point with a value that is not finite is outside.

    Returns
    -------
    ndarray
        bool [N].

    Raises
    ------
    InputError
        For other shapes, or a corner that is not finite.

    Examples
    --------
    >>> from latentlab.latent import contains
    >>> contains([[0, 0], [2, 0], [0, 2]], [[0.5, 0.5], [1.5, 1.5]]).tolist()
    [True, False]
    """
    corners, xy = _pairs(polygon, "the polygon"), _pairs(points, "the points")
    if not np.isfinite(corners).all():
        raise InputError("a corner of the polygon is not finite")
    inside = np.zeros(len(xy), bool)
    if len(corners) < 3:
        return inside
    if len(xy) <= _FEW:
        return _crossings(corners, xy[:, 0].astype(np.float64), xy[:, 1].astype(np.float64))
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(_is_within(xy[:, 0], low[0], high[0]) & _is_within(xy[:, 1], low[1], high[1]))
    x, y = xy[near, 0].astype(np.float64), xy[near, 1].astype(np.float64)
    if len(near) <= _FEW:
        inside[near] = _crossings(corners, x, y)
        return inside
    size = np.where(high > low, high - low, 1) / _CELLS
    state = _cells(corners, low, size)
    column = np.minimum(((x - low[0]) / size[0]).astype(np.int32), _CELLS - 1)
    row = np.minimum(((y - low[1]) / size[1]).astype(np.int32), _CELLS - 1)
    of_cell = state[row * _CELLS + column]
    is_open = np.flatnonzero(of_cell < 0)
    result = of_cell > 0
    result[is_open] = _crossings(corners, x[is_open], y[is_open])
    inside[near] = result
    return inside


def class_shares(labels: ArrayLike, classes: int, index: ArrayLike | None = None) -> NDArray[np.float64]:
    """Shares of the classes in a selection.

    Parameters
    ----------
    labels
        int [N], −1 where unknown.
    classes
        Number of classes.
    index
        Selected points, int [n] or bool [N]; all without it.

    Returns
    -------
    ndarray
        float64 [classes + 1]: the last is the share of the unknown. 0 for an empty selection.
    """
    chosen = np.asarray(labels, np.int64)
    if index is not None:
        rows = np.asarray(index)
        chosen = chosen[rows if rows.dtype == bool else rows.astype(np.int64)]
    numbers = np.where((chosen >= 0) & (chosen < classes), chosen, classes)
    counts = np.bincount(numbers, minlength=classes + 1).astype(np.float64)
    return counts / max(1, len(chosen))


def ranked(values: ArrayLike, count: int, is_descending: bool = True) -> NDArray[np.int64]:
    """The points with the greatest (or least) values, such as reconstruction errors.

    Parameters
    ----------
    values
        [N]; NaN where there is none: such points are not taken.
    count
        Number of points; fewer when there are not that many values.
    is_descending
        The greatest values first, or the least.

    Returns
    -------
    ndarray
        int64 [n], in order of their values; ties by index.
    """
    array = np.asarray(values, np.float64)
    known = np.flatnonzero(~np.isnan(array))
    keys = -array[known] if is_descending else array[known]
    return known[np.argsort(keys, kind="stable")[: max(0, count)]]


def mean_image(images: ArrayLike, index: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of the images ``index`` of [N, C, H, W]: float32 [C, H, W], uint8 counted from 0 to 1.

    Raises
    ------
    InputError
        For an empty selection.
    """
    array, rows = np.asarray(images), np.asarray(index, np.int64)
    if not len(rows):
        raise InputError("no images are selected")
    total = np.zeros(array.shape[1:], np.float64)
    for start in range(0, len(rows), 256):
        total += array[rows[start : start + 256]].sum(axis=0, dtype=np.float64)
    scale = 255 if array.dtype == np.uint8 else 1
    return (total / (len(rows) * scale)).astype(np.float32)


def _pairs(values: ArrayLike, name: str) -> NDArray[np.floating]:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{name} must be numbers [n, 2], not {array.dtype} {list(array.shape)}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _is_within(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (values >= low) & (values <= high)
    return found


def _crossings(corners: NDArray[np.floating], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a ray to the right crosses an odd number of edges: bool [N].

    Sorted by y, the points that an edge lies beside are consecutive: each edge is compared with those alone.
    """
    order = np.argsort(y)
    sorted_x, sorted_y = x[order], y[order]
    odd = np.zeros(len(x), bool)
    ends = np.asarray(corners, np.float64)
    starts = np.roll(ends, 1, axis=0)
    low, high = np.minimum(starts[:, 1], ends[:, 1]), np.maximum(starts[:, 1], ends[:, 1])
    # An edge is crossed at low ≤ y < high, so that a corner counts once.
    first, last = np.searchsorted(sorted_y, low, "left"), np.searchsorted(sorted_y, high, "left")
    for (x0, y0), (x1, y1), begin, end in zip(starts.tolist(), ends.tolist(), first, last, strict=True):
        if begin < end:
            rows = slice(begin, end)
            odd[rows] ^= sorted_x[rows] < (x1 - x0) * (sorted_y[rows] - y0) / (y1 - y0) + x0
    inside = np.empty(len(x), bool)
    inside[order] = odd
    return inside & np.isfinite(x) & np.isfinite(y)


def _cells(corners: NDArray[np.floating], low: NDArray[np.floating], size: NDArray[np.floating]) -> NDArray[np.int8]:
    """Of each cell, row by row: 1 inside, 0 outside, −1 where an edge passes through it or beside it."""
    state = np.zeros((_CELLS + 2, _CELLS + 2), np.int8)  # with a margin
    ends = (np.asarray(corners, np.float64) - low) / size
    starts = np.roll(ends, 1, axis=0)
    steps = np.ceil(2 * np.abs(ends - starts).max(axis=1)).astype(int) + 1  # at most half a cell apart
    edge = np.repeat(np.arange(len(steps)), steps)
    position = np.arange(len(edge)) - np.repeat(np.cumsum(steps) - steps, steps)
    t = (position / steps[edge])[:, None]
    cells = np.clip((starts[edge] + t * (ends - starts)[edge]).astype(int), 0, _CELLS - 1) + 1
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            state[cells[:, 1] + row, cells[:, 0] + column] = -1
    inner = state[1:-1, 1:-1].ravel()
    decided = np.flatnonzero(inner == 0)
    middle_x = low[0] + (decided % _CELLS + 0.5) * size[0]
    middle_y = low[1] + (decided // _CELLS + 0.5) * size[1]
    inner[decided] = _crossings(corners, middle_x, middle_y)
    return inner
