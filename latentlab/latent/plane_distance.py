"""How far a plane through latent space is from the nearest of many points, on a grid over the plane."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latentlab.utils.array_types import FloatArray

LARGEST_GRID = 512  # cells a side
_SOURCES = 16  # rows or columns of the transform between two yields: about a millisecond


class PlaneDistance:
    """The distance from each cell of a plane to the nearest point, measured in all dimensions.

    With orthonormal axes, |z(u, v) − p|² = |p⊥|² + |(u, v) − p∥|²: a point's squared distance to the plane, and that to
    where it stands on the plane. So a grid that keeps the smallest |p⊥|² of the points over each cell is enough, and
    its generalised distance transform (Felzenszwalb & Huttenlocher 2012) is the distance to the nearest of any number
    of points, true to a cell.

    Parameters
    ----------
    origin, x, y
        [d]: the plane's latents are ``origin + u · x + v · y``. The axes are orthogonal unit vectors; one of zeros is a
        direction along which nothing changes.
    x_range, y_range
        Of u and v.
    reach
        Greater distances are not needed: points whose place on the plane is farther than this beyond the ranges are
        ignored, and no distance returned is larger.
    cells
        Along the longer side of the grid, with the part beyond the ranges.

    Attributes
    ----------
    x_range, y_range
        What the distances cover: the ranges asked for, widened to whole cells.
    cell
        Side of a cell, in units of the latent space.
    """

    def __init__(
        self,
        origin: FloatArray,
        x: FloatArray,
        y: FloatArray,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        reach: float,
        cells: int = 128,
    ) -> None:
        self._origin, self._axes = np.asarray(origin, np.float32), np.asarray((x, y), np.float32)
        self._reach = float(reach)
        width, height = x_range[1] - x_range[0], y_range[1] - y_range[0]
        cells = min(cells, LARGEST_GRID)
        self.cell = max((max(width, height) + 2 * self._reach) / cells, 1e-9)
        around = int(np.ceil(self._reach / self.cell))
        self._around = around
        inner = np.array([max(1, int(np.ceil(side / self.cell))) for side in (height, width)])
        self._low = np.array([x_range[0], y_range[0]]) - around * self.cell
        self.x_range = (x_range[0], x_range[0] + inner[1] * self.cell)
        self.y_range = (y_range[0], y_range[0] + inner[0] * self.cell)
        self._steps = self.cell * np.linalg.norm(self._axes, axis=1)  # 0 along a direction that changes nothing
        self._squared = np.full(tuple(inner + 2 * around), np.inf, np.float32)

    def add(self, points: FloatArray) -> None:
        """Take these points [n, d] into account."""
        away = np.asarray(points, np.float32) - self._origin
        on_plane = away @ self._axes.T
        away -= on_plane @ self._axes
        squared = np.einsum("nd,nd->n", away, away)
        cells = np.floor((on_plane - self._low) / self.cell).astype(np.int64)  # column, row
        rows, columns = self._squared.shape
        here = (cells >= 0).all(axis=1) & (cells[:, 0] < columns) & (cells[:, 1] < rows)
        at = cells[here, 1] * columns + cells[here, 0]
        np.minimum.at(self._squared.reshape(-1), at, squared[here])

    def coarse(self, factor: int) -> PlaneDistance:
        """The same points on a grid of cells ``factor`` times as large: a first, rougher answer."""
        rows, columns = self._squared.shape
        coarse = object.__new__(PlaneDistance)
        coarse.__dict__.update(self.__dict__)
        wide = np.full((-(-rows // factor) * factor, -(-columns // factor) * factor), np.inf, np.float32)
        wide[:rows, :columns] = self._squared
        coarse._squared = wide.reshape(len(wide) // factor, factor, -1, factor).min(axis=(1, 3))
        coarse.cell = self.cell * factor
        coarse._steps = self._steps * factor
        coarse._around = 0
        (x0, y0), (height, width) = self._low, np.array(coarse._squared.shape) * coarse.cell
        coarse.x_range, coarse.y_range = (float(x0), float(x0 + width)), (float(y0), float(y0 + height))
        return coarse

    def distances(self) -> Iterator[FloatArray | None]:
        """Yield ``None`` between two steps, then the distances: float32 [rows, columns], the first row lowest."""
        squared = self._squared
        for step in self._steps[::-1]:  # along the rows' direction, then along the columns'
            index = np.arange(len(squared), dtype=np.float32) * np.float32(step)
            out = np.empty_like(squared)
            for start in range(0, len(squared), _SOURCES):
                for row in range(start, min(start + _SOURCES, len(squared))):
                    out[row] = ((index - index[row])[:, None] ** 2 + squared).min(axis=0)
                yield None
            squared = np.ascontiguousarray(out.T)
        inside = slice(self._around, -self._around or None)
        yield np.minimum(np.sqrt(squared[inside, inside]), np.float32(self._reach))
