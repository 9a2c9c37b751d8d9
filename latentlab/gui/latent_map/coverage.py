"""How densely points cover the plane, and how far from them each part of it is, on a coarse grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
CELLS = 96
SAMPLE = 128
REFERENCE = 8192
FAR = 3.0
"""A cell is far from data when it is farther from every point than so many typical gaps between neighbours."""
PADDING = 0.15


class Coverage:
    """Density of points, and distance to the nearest of them, for every cell of a grid.

    Distances are an exact Euclidean distance transform of the occupied cells, and so true to a cell; the typical gap
    between neighbours is estimated on a seeded sample.

    Parameters
    ----------
    xy : ndarray [N, 2]
        Points, at least one of them finite.

    Attributes
    ----------
    x_range, y_range : tuple of float
        What the grid covers: the points' extent and a margin.
    reach : float
        Beyond this distance from every point a cell counts as far from data.
    """

    def __init__(self, xy: FloatArray) -> None:
        x, y = (np.ascontiguousarray(column, np.float32) for column in np.asarray(xy).T)
        finite = np.isfinite(x) & np.isfinite(y)
        if not finite.all():
            x, y = x[finite], y[finite]
        low = np.array([x.min(), y.min()], float)
        high = np.array([x.max(), y.max()], float)
        margin = max(PADDING * float((high - low).max()), 1e-6)
        low, high = low - margin, high + margin
        self.x_range, self.y_range = (low[0], high[0]), (low[1], high[1])
        size = (high - low) / CELLS
        column = ((x - np.float32(low[0])) * np.float32(1 / size[0])).astype(np.int32)
        row = ((y - np.float32(low[1])) * np.float32(1 / size[1])).astype(np.int32)
        cell = np.minimum(row, CELLS - 1) * CELLS + np.minimum(column, CELLS - 1)
        self._counts = np.bincount(cell, minlength=CELLS * CELLS).reshape(CELLS, CELLS)
        self._distance = _distance_transform(self._counts > 0, size[1], size[0])
        # A single point has no neighbour: nothing is far from it.
        self.reach = max(FAR * _typical_gap(x, y), 1.5 * float(size.max())) if len(x) > 1 else float("inf")

    def farness(self) -> FloatArray:
        """0 among the points, rising smoothly to 1 at three times the reach: [CELLS, CELLS], first row uppermost."""
        if not np.isfinite(self.reach):
            return np.zeros_like(self._distance)
        rise = np.clip((self._distance - self.reach) / (2 * self.reach), 0.0, 1.0)
        return np.asarray(rise * rise * (3 - 2 * rise))[::-1]

    def density(self) -> FloatArray:
        """Density of the points, smoothed and at most 1: [CELLS, CELLS], first row uppermost."""
        smooth = _blur(_blur(self._counts.astype(float)))
        return np.asarray(smooth / smooth.max())[::-1]


def _distance_transform(occupied: npt.NDArray[np.bool_], row_step: float, column_step: float) -> FloatArray:
    """Euclidean distance of every cell from the nearest occupied one, one axis after the other."""
    squared = np.where(occupied, 0.0, np.inf).astype(np.float32)
    for step in (row_step, column_step):
        index = np.arange(len(squared), dtype=np.float32) * np.float32(step)
        squared = np.stack([((index - at)[:, None] ** 2 + squared).min(axis=0) for at in index]).T
    return np.sqrt(squared)


def _typical_gap(x: FloatArray, y: FloatArray) -> float:
    """The gap to the nearest neighbour that 19 of 20 points stay below, from a sample."""
    count = len(x)
    random = np.random.default_rng(0)
    if count > REFERENCE:
        chosen = random.integers(0, count, REFERENCE)
        x, y = x[chosen], y[chosen]
    gaps = np.empty(min(SAMPLE, len(x)))
    for number, index in enumerate(random.choice(len(x), len(gaps), replace=False)):
        squared = (x - x[index]) ** 2 + (y - y[index]) ** 2
        squared[index] = np.inf
        gaps[number] = np.sqrt(squared.min())
    # A sample is sparser than the whole by the square root of its share, in the plane.
    # Not numpy's ``quantile``, which would import numpy.ma: 20 ms and more, when the first points are shown.
    rank = round(0.95 * (len(gaps) - 1))
    return float(np.partition(gaps, rank)[rank] * np.sqrt(len(x) / count))


def _blur(grid: FloatArray) -> FloatArray:
    """Smooth with a binomial kernel of seven cells, about 1.2 cells wide, both ways."""
    kernel = np.array([1.0, 6.0, 15.0, 20.0, 15.0, 6.0, 1.0]) / 64
    for _ in range(2):
        padded = np.pad(grid, ((3, 3), (0, 0)))
        grid = sum(weight * padded[k : k + len(grid)] for k, weight in enumerate(kernel)).T
    return grid
