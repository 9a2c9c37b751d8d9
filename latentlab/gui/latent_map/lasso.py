"""Which points are inside an outline: exact, and in pieces shorter than a frame for any number of points (no Qt)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from latentlab.gui.latent_map.layers.point_raster import PointTiles, Window

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]

CHUNK = 1 << 16
"""Points that are tested at a time: about a millisecond."""
CELLS = 512
"""The outline's rectangle is divided into so many cells on each side."""
FEW = 4096
"""So few points are tested against the edges at once: cells would take longer."""


class Outline:
    """A closed polygon by the even-odd rule, which answers quickly for many points.

    Its rectangle is divided into cells. No edge passes through most of them: such a cell is wholly inside or wholly
    outside, and a point in it is looked up. Only points in the other cells, a few percent, are compared with edges.

    Parameters
    ----------
    corners : ndarray, [n, 2]
        In order; the last is joined to the first. Fewer than three enclose nothing.
    """

    def __init__(self, corners: FloatArray) -> None:
        corners = np.asarray(corners, np.float64).reshape(-1, 2)
        self._first, self._second = corners, np.roll(corners, -1, axis=0)
        self.is_empty = len(corners) < 3 or not np.isfinite(corners).all() or bool((np.ptp(corners, axis=0) <= 0).any())
        if not self.is_empty:
            self._low, self._high = corners.min(axis=0), corners.max(axis=0)
            self._per_unit = CELLS / (self._high - self._low)
            # Cells so small that float32 cannot tell which of them a point is in.
            self._is_tiny = bool((np.abs(corners).max(axis=0) * self._per_unit > _LARGEST_POSITION).any())
            self._cells: npt.NDArray[np.uint8] | None = None

    def window(self) -> Window:
        """The outline's rectangle, as a window of the plane (its scale says nothing)."""
        width, height = (self._high - self._low).tolist()
        scale = 1e6 / max(width, height)
        return Window(
            float(self._low[0]), float(self._high[1]), scale, int(np.ceil(width * scale)), int(np.ceil(height * scale))
        )

    def contains(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> BoolArray:
        """Which points (x [N], y [N]) are inside, bool [N]."""
        if self.is_empty:
            return np.zeros(len(x), bool)
        if len(x) <= FEW or self._is_tiny:
            return self._crossed_an_odd_number_of_edges(x, y)
        if self._cells is None:
            self._cells = self._classify_cells()
        inside = np.zeros(len(x), bool)
        for start in range(0, len(x), CHUNK):
            part = slice(start, start + CHUNK)
            inside[part] = self._look_up(self._cells, x[part], y[part])
        return inside

    def _look_up(self, cells: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray) -> BoolArray:
        (x0, y0), (across, up) = self._low.tolist(), self._per_unit.tolist()
        # One cell of margin on each side: a point beyond the rectangle falls into it.
        column = np.clip((x - np.float32(x0)) * np.float32(across) + 1, 0, CELLS + 1).astype(np.int32)
        row = np.clip((y - np.float32(y0)) * np.float32(up) + 1, 0, CELLS + 1).astype(np.int32)
        kind = cells.ravel()[row * np.int32(CELLS + 2) + column]
        inside: BoolArray = kind == _INSIDE
        unsure = np.flatnonzero(kind == _UNSURE)
        if len(unsure):
            inside[unsure] = self._crossed_an_odd_number_of_edges(x[unsure], y[unsure])
        return inside

    def _crossed_an_odd_number_of_edges(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """The even-odd rule: a ray to the right crosses an odd number of edges.

        Each edge is compared only with the points at its heights.
        """
        order = np.argsort(y, kind="stable")
        x, y = x[order].astype(np.float64), y[order].astype(np.float64)
        odd = np.zeros(len(x), bool)
        (x1, y1), (x2, y2) = self._first.T, self._second.T
        starts = np.searchsorted(y, np.minimum(y1, y2))
        stops = np.searchsorted(y, np.maximum(y1, y2))
        for edge in np.flatnonzero(stops > starts).tolist():
            part = slice(starts[edge], stops[edge])
            slope = (x2[edge] - x1[edge]) / (y2[edge] - y1[edge])
            odd[part] ^= x[part] < x1[edge] + (y[part] - y1[edge]) * slope
        inside = np.empty(len(x), bool)
        inside[order] = odd
        return inside

    def _classify_cells(self) -> npt.NDArray[np.uint8]:
        """Whether each cell is outside, inside, or passed by an edge: uint8 [cells + 2, cells + 2] with a margin."""
        first, second = ((ends - self._low) * self._per_unit for ends in (self._first, self._second))
        inside = _parity_of_centres(first, second)
        kinds = np.zeros((CELLS + 2, CELLS + 2), np.uint8)
        kinds[1:-1, 1:-1] = np.where(inside, _INSIDE, _OUTSIDE)
        # Samples half a cell apart and their neighbours: every cell an edge passes, and all that rounding could reach.
        steps = np.maximum(1, np.ceil(2 * np.abs(second - first).max(axis=1))).astype(np.int64)
        edge = np.repeat(np.arange(len(steps)), steps)
        along = (np.arange(len(edge)) - np.repeat(np.cumsum(steps) - steps, steps)) / np.repeat(steps, steps)
        samples = first[edge] + along[:, None] * (second - first)[edge]
        column, row = np.clip(np.floor(samples).astype(np.int64) + 1, 0, CELLS + 1).T
        for up in (-1, 0, 1):
            for right in (-1, 0, 1):
                kinds[np.clip(row + up, 0, CELLS + 1), np.clip(column + right, 0, CELLS + 1)] = _UNSURE
        return kinds


_OUTSIDE, _INSIDE, _UNSURE = np.uint8(0), np.uint8(1), np.uint8(2)
_LARGEST_POSITION = 0.1 / float(np.finfo(np.float32).eps)  # cells from the origin at which float32 is off by a tenth


def _parity_of_centres(first: FloatArray, second: FloatArray) -> BoolArray:
    """Whether the centre of each cell is inside, bool [rows, columns]: crossings are counted along each row."""
    (x1, y1), (x2, y2) = first.T, second.T
    lowest, highest = np.minimum(y1, y2), np.maximum(y1, y2)
    # The rows whose centres are in [lowest, highest).
    starts = np.clip(np.ceil(lowest - 0.5), 0, CELLS).astype(np.int64)
    counts = np.clip(np.ceil(highest - 0.5), 0, CELLS).astype(np.int64) - starts
    edge = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)
    crossing = x1[edge] + (row + 0.5 - y1[edge]) * ((x2 - x1)[edge] / (y2 - y1)[edge])
    # Centres left of the crossing, at column + 0.5 < crossing, change sides.
    reach = np.clip(np.ceil(crossing - 0.5), 0, CELLS).astype(np.int64)
    changes = np.zeros((CELLS, CELLS + 1), np.int64)
    np.add.at(changes, (row, np.zeros_like(row)), 1)
    np.add.at(changes, (row, reach), -1)
    inside: BoolArray = np.cumsum(changes, axis=1)[:, :-1] % 2 == 1
    return inside


def points_inside(tiles: PointTiles, corners: FloatArray) -> Iterator[npt.NDArray[np.int64]]:
    """Find the points inside an outline, step by step.

    Parameters
    ----------
    tiles
        The points.
    corners : ndarray, [n, 2]
        Of the outline, in units of the axes.

    Yields
    ------
    ndarray of int64, [k]
        Positions in the tiles (``tiles.x``) of those found in this step, ascending; a step takes about a millisecond.
    """
    outline = Outline(corners)
    if outline.is_empty:
        return
    for span, _ in tiles.spans(outline.window()):
        for start in range(span.start, span.stop, CHUNK):
            part = slice(start, min(start + CHUNK, span.stop))
            yield np.flatnonzero(outline.contains(tiles.x[part], tiles.y[part])) + start
