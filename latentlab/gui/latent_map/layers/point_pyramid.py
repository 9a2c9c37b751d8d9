"""A few of many points, one for each cell of a grid: the same ones while the view is panned, and more when it zooms in.

The points are sorted along a Morton curve once; a cell of any level is then a span of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from latentlab.gui.latent_map.view import Range

FloatArray = npt.NDArray[np.floating]
DEPTH = 16
_CACHED_LEVEL = 8  # levels up to this are chosen once: at most 65,536 cells each
_COARSER = 4  # levels: cells that are looked up are so much larger than those that are shown
_SPREAD = ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555))
_GOLDEN = 2654435761  # odd, near 2³² divided by the golden ratio: multiplication mod 2³² mixes and can be inverted
_INVERSE = pow(_GOLDEN, -1, 1 << 32)


class PointPyramid:
    """Chooses one point for each cell of a square that is quartered ``DEPTH`` times.

    The cells' sides are powers of two of the axes' unit and the square is centred on 0, so that neither panning nor
    other points move them. Every point has a fixed rank, by its row alone; a cell shows its point of the lowest rank.
    What a cell shows is therefore also shown by one of the four cells into which it is quartered.

    Parameters
    ----------
    xy : ndarray of float32, [N, 2]
        Points on the shown axes; non-finite ones are left out.
    rows : ndarray of int, [k], optional
        The points to choose from; by default all.
    """

    def __init__(self, xy: npt.NDArray[np.float32], rows: npt.NDArray[np.integer] | None = None) -> None:
        finite = np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1])
        chosen = np.flatnonzero(finite) if rows is None else rows[finite[rows]]
        points = xy if len(chosen) == len(xy) else xy[chosen]
        largest = float(np.abs(points).max(initial=0.5))
        self.side = float(2.0 ** np.ceil(np.log2(2 * largest * (1 + 1e-6))))
        """Side of the square, in units of the axes."""
        cells = ((points + np.float32(self.side / 2)) * np.float32(2**DEPTH / self.side)).astype(np.uint32)
        code = _spread(cells[:, 0]) | (_spread(cells[:, 1]) << np.uint32(1))
        order = np.argsort(code)
        self._code = code[order]
        self._rank = chosen[order].astype(np.uint32) * np.uint32(_GOLDEN)
        self._levels: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = {}

    def level_of(self, side: float) -> int:
        """The finest level whose cells have at least this side, in units of the axes."""
        return int(np.clip(np.floor(np.log2(self.side / side)), 0, DEPTH))

    def cell_side(self, level: int) -> float:
        """Side of a level's cells, in units of the axes."""
        return float(self.side / 2**level)

    def rows(self, level: int, x_range: Range | None = None, y_range: Range | None = None) -> npt.NDArray[np.int64]:
        """Row of the point that each occupied cell of a level shows, [cells].

        With ranges of the axes only cells near the rectangle are looked up: all that overlap it, and some others.
        """
        if level <= _CACHED_LEVEL and level not in self._levels:
            self._levels[level] = self._choose(slice(0, len(self._code)), level)
        if x_range is None or y_range is None:
            return self._levels[level][1] if level in self._levels else self._choose(slice(None), level)[1]
        found = [self._rows_of(level, span) for span in self._spans(level, x_range, y_range)]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _spans(self, level: int, x_range: Range, y_range: Range) -> Iterator[slice]:
        """Spans of the sorted points: those in a few large cells that cover a rectangle."""
        above = max(0, level - _COARSER)
        cell = self.cell_side(above)
        (left, right), (low, high) = (
            [int(np.clip(np.floor((end + self.side / 2) / cell), 0, 2**above - 1)) for end in ends]
            for ends in (x_range, y_range)
        )
        columns, rows = np.meshgrid(np.arange(left, right + 1), np.arange(low, high + 1))
        key = _spread(columns.ravel().astype(np.uint32)) | (_spread(rows.ravel().astype(np.uint32)) << np.uint32(1))
        first = np.sort(key) << np.uint32(2 * (DEPTH - above)) if above else np.zeros(1, np.uint32)
        # Of the same type: numpy would convert all points otherwise.
        starts = np.searchsorted(self._code, first)
        ends = np.searchsorted(self._code, first + np.uint32(4 ** (DEPTH - above) - 1), side="right")
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if end > start:
                yield slice(start, end)

    def _rows_of(self, level: int, span: slice) -> npt.NDArray[np.int64]:
        if level not in self._levels:
            return self._choose(span, level)[1]
        starts, rows = self._levels[level]
        return rows[slice(*np.searchsorted(starts, (span.start, span.stop)).tolist())]

    def _choose(self, span: slice, level: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where each cell of a level begins in a span of the sorted points, and the row of the point that it shows."""
        code, rank = self._code[span], self._rank[span]
        if not len(code):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        key = code >> np.uint32(2 * (DEPTH - level)) if level else np.zeros_like(code)
        starts = np.concatenate([[0], np.flatnonzero(key[1:] != key[:-1]) + 1])
        best = np.minimum.reduceat(rank, starts)
        return starts, (best * np.uint32(_INVERSE)).astype(np.int64)

    def corners(self, xy: FloatArray, level: int) -> FloatArray:
        """Lower left corner of the cell of each point [n, 2], in units of the axes."""
        cell = self.cell_side(level)
        return np.asarray(np.floor((np.asarray(xy, float) + self.side / 2) / cell) * cell - self.side / 2)


def _spread(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Put a 0 before each of the lowest 16 bits."""
    for shift, mask in _SPREAD:
        values = (values | (values << np.uint32(shift))) & np.uint32(mask)
    return values
