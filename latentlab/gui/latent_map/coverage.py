"""How densely points cover the plane, on a coarse grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
CELLS = 96
PADDING = 0.15


class Coverage:
    """Density of points, for every cell of a grid.

    Parameters
    ----------
    xy : ndarray [N, 2]
        Points, at least one of them finite.

    Attributes
    ----------
    x_range, y_range : tuple of float
        What the grid covers: the points' extent and a margin.
    peak : float
        The highest density, in points for each square unit of the axes.
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
        counts = np.bincount(cell, minlength=CELLS * CELLS).reshape(CELLS, CELLS)
        smooth = _blur(_blur(counts.astype(float)))
        self._density = np.asarray(smooth / smooth.max())
        self.peak = float(smooth.max() / size.prod())

    def density(self) -> FloatArray:
        """Density of the points, smoothed and at most 1: [CELLS, CELLS], first row uppermost."""
        return self._density[::-1]


def _blur(grid: FloatArray) -> FloatArray:
    """Smooth with a binomial kernel of seven cells, about 1.2 cells wide, both ways."""
    kernel = np.array([1.0, 6.0, 15.0, 20.0, 15.0, 6.0, 1.0]) / 64
    for _ in range(2):
        padded = np.pad(grid, ((3, 3), (0, 0)))
        grid = sum(weight * padded[k : k + len(grid)] for k, weight in enumerate(kernel)).T
    return grid
