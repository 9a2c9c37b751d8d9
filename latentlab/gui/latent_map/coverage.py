"""Where there are points and where there are none, on a coarse grid that answers at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
CELLS = 96
SAMPLE = 128
REFERENCE = 8192
FAR = 3.0
"""A place is far from data when it is farther from any point than so many typical gaps between neighbours."""
PADDING = 0.15


class Coverage:
    """How far every place is from the nearest point, and how many points are near it.

    Distances come from an exact Euclidean distance transform of the occupied cells, so they are off by a
    cell at most; the typical gap between neighbours is estimated on a seeded sample.

    Parameters
    ----------
    xy : ndarray [N, 2]
        Points, at least one of them finite.

    Attributes
    ----------
    x_range, y_range : tuple of float
        What the grid covers: the points' extent and some room round it.
    reach : float
        Beyond this distance from every point a place counts as far from data.
    """

    def __init__(self, xy: FloatArray) -> None:
        x, y = (np.ascontiguousarray(column, np.float32) for column in np.asarray(xy).T)
        finite = np.isfinite(x) & np.isfinite(y)
        if not finite.all():
            x, y = x[finite], y[finite]
        low = np.array([x.min(), y.min()], float)
        high = np.array([x.max(), y.max()], float)
        room = max(PADDING * float((high - low).max()), 1e-6)
        low, high = low - room, high + room
        self.x_range, self.y_range = (low[0], high[0]), (low[1], high[1])
        self._low, self._cell = low, (high - low) / CELLS
        column = ((x - np.float32(low[0])) * np.float32(1 / self._cell[0])).astype(np.int32)
        row = ((y - np.float32(low[1])) * np.float32(1 / self._cell[1])).astype(np.int32)
        cell = np.minimum(row, CELLS - 1) * CELLS + np.minimum(column, CELLS - 1)
        self._counts = np.bincount(cell, minlength=CELLS * CELLS).reshape(CELLS, CELLS)
        self._distance = _distance_transform(self._counts > 0, self._cell[1], self._cell[0])
        # A single point has no neighbour to measure by: nothing is far from it.
        self.reach = max(FAR * _typical_gap(x, y), 1.5 * float(self._cell.max())) if len(x) > 1 else float("inf")

    def distance(self, xy: npt.ArrayLike) -> float:
        """How far the point (x, y) is from the nearest point of the data: to a cell, beyond the grid at most so far."""
        place = np.asarray(xy, float)
        held = np.clip((place - self._low) / self._cell, 0, CELLS - 1e-9)
        column, row = held.astype(int)
        outside = place - (self._low + held * self._cell)
        return float(self._distance[row, column] + np.hypot(*outside))

    def is_far(self, xy: npt.ArrayLike) -> bool:
        """Whether the point (x, y) is farther from any point of the data than is typical within it."""
        return self.distance(xy) > self.reach

    def farness(self) -> FloatArray:
        """0 among the points, rising smoothly to 1 at three times the reach: [CELLS, CELLS], first row uppermost."""
        if not np.isfinite(self.reach):
            return np.zeros_like(self._distance)
        rise = np.clip((self._distance - self.reach) / (2 * self.reach), 0.0, 1.0)
        return np.asarray(rise * rise * (3 - 2 * rise))[::-1]

    def density(self) -> FloatArray:
        """How densely the points lie, smoothed, from 0 to 1 at most: [CELLS, CELLS], first row uppermost."""
        smooth = _blur(_blur(self._counts.astype(float)))
        return np.asarray(smooth / smooth.max())[::-1]


def _distance_transform(occupied: npt.NDArray[np.bool_], row_step: float, column_step: float) -> FloatArray:
    """Euclidean distance of every cell from the nearest occupied one, one axis after the other."""
    squared = np.where(occupied, 0.0, np.inf).astype(np.float32)
    for step in (row_step, column_step):
        index = np.arange(len(squared), dtype=np.float32) * np.float32(step)
        squared = np.stack([((index - place)[:, None] ** 2 + squared).min(axis=0) for place in index]).T
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
    place = round(0.95 * (len(gaps) - 1))
    return float(np.partition(gaps, place)[place] * np.sqrt(len(x) / count))


def _blur(grid: FloatArray) -> FloatArray:
    """Smooth with a binomial kernel of seven cells, about 1.2 cells wide, both ways."""
    kernel = np.array([1.0, 6.0, 15.0, 20.0, 15.0, 6.0, 1.0]) / 64
    for _ in range(2):
        padded = np.pad(grid, ((3, 3), (0, 0)))
        grid = sum(weight * padded[k : k + len(grid)] for k, weight in enumerate(kernel)).T
    return grid
