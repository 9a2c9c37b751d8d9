"""Rasterises points in plain numpy: a million of them in a few hundredths of a second.

Drawing an item for each point is what makes scatter plots slow. Here a point is one assignment into an image, the
last one wins, in chunks that stay in the cache and buffers that are made once.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentlab.gui.latent_map.layers.markers import MARKERS, pack, sprite

Pixels = npt.NDArray[np.uint32]
TILES = 64
CHUNK = 1 << 16
LARGEST_RADIUS = 5.0
SMALLEST_RADIUS = 2.0
CROWD = 200_000


@dataclass(frozen=True)
class Window:
    """The part of the plane that a picture shows, in device pixels.

    Attributes
    ----------
    left, top : float
        The image's upper left corner, in units of the axes.
    scale : float
        Device pixels for each unit; y rises upwards, rows go down.
    width, height : int
        Size of the picture in device pixels.
    """

    left: float
    top: float
    scale: float
    width: int
    height: int

    @property
    def x_range(self) -> tuple[float, float]:
        """The shown range of the horizontal axis."""
        return self.left, self.left + self.width / self.scale

    @property
    def y_range(self) -> tuple[float, float]:
        """The shown range of the vertical axis."""
        return self.top - self.height / self.scale, self.top


class PointTiles:
    """Points sorted into 64 × 64 tiles of their extent, so that a zoomed view reads only what it shows.

    Parameters
    ----------
    xy : ndarray of float32, [N, 2]
        Points on the shown axes; non-finite ones are left out.
    slot : ndarray of uint8, [N]
        Row of the colour table that each is drawn in.

    Attributes
    ----------
    x, y, slot : ndarray
        The finite points in tile order; input order is kept inside a tile.
    order : ndarray of uint32
        Row in ``xy`` of each of these.
    rows_given : int
        Length of ``xy``.
    """

    def __init__(self, xy: npt.NDArray[np.float32], slot: npt.NDArray[np.uint8]) -> None:
        x, y = (np.ascontiguousarray(column, np.float32) for column in xy.T)
        self.rows_given = len(x)
        finite = np.isfinite(x) & np.isfinite(y)
        rows: npt.NDArray[np.integer] | None = None
        if not finite.all():
            rows = np.flatnonzero(finite)
            x, y, slot = x[rows], y[rows], slot[rows]
        low = (float(x.min()), float(y.min())) if len(x) else (0.0, 0.0)
        high = (float(x.max()), float(y.max())) if len(x) else (1.0, 1.0)
        self._low = low
        self._step = tuple(max(b - a, 1e-12) / TILES for a, b in zip(low, high, strict=True))
        column, row = self._tile(x, 0), self._tile(y, 1)
        tile = row.astype(np.uint16) * np.uint16(TILES) + column.astype(np.uint16)
        order = np.argsort(tile, kind="stable")
        self.x, self.y, self.slot = x[order], y[order], np.ascontiguousarray(slot[order])
        self.order = (order if rows is None else rows[order]).astype(np.uint32)
        counts = np.bincount(tile, minlength=TILES * TILES)
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.x_range, self.y_range = (low[0], high[0]), (low[1], high[1])

    def subset(self, positions: npt.NDArray[np.integer]) -> PointTiles:
        """Only the points at these positions, ascending, in the same tiles."""
        some = copy(self)
        some.x, some.y = self.x[positions], self.y[positions]
        some.slot, some.order = self.slot[positions], self.order[positions]
        some._starts = np.searchsorted(positions, self._starts).astype(np.int64)
        return some

    def __len__(self) -> int:
        """How many points are finite."""
        return len(self.x)

    def _tile(self, values: npt.ArrayLike, axis: int) -> npt.NDArray[np.integer]:
        tile = (np.asarray(values) - self._low[axis]) / self._step[axis]
        return np.clip(tile, 0, TILES - 1).astype(np.int32)

    def spans(self, window: Window) -> Iterator[tuple[slice, bool]]:
        """Spans of points whose tiles overlap the window, and whether each lies wholly inside it."""
        (x0, x1), (y0, y1) = window.x_range, window.y_range
        if x1 < self.x_range[0] or x0 > self.x_range[1] or y1 < self.y_range[0] or y0 > self.y_range[1]:
            return
        c0, c1 = (int(t) for t in self._tile([x0, x1], 0))
        r0, r1 = (int(t) for t in self._tile([y0, y1], 1))
        # A pixel of slack: float32 points may round across the window's edge.
        slack = 1.0 / window.scale
        inside = (
            x0 + slack <= self.x_range[0]
            and x1 - slack >= self.x_range[1]
            and y0 + slack <= self.y_range[0]
            and y1 - slack >= self.y_range[1]
        )
        if inside:
            yield slice(0, len(self)), True
            return
        for row in range(r0, r1 + 1):
            start, stop = self._starts[row * TILES + c0], self._starts[row * TILES + c1 + 1]
            if stop > start:
                yield slice(int(start), int(stop)), False

    def nearest(self, xy: tuple[float, float], reach: float) -> int | None:
        """Row in ``xy`` of the point nearest to (x, y); None if none is within ``reach``, in units of the axes."""
        x, y = xy
        closest, found = reach * reach, None
        for span, _ in self.spans(Window(x - reach, y + reach, 1.0 / reach, 2, 2)):
            # Subtracted before it is squared: float32 is exact enough then.
            squared = (self.x[span] - np.float32(x)) ** 2 + (self.y[span] - np.float32(y)) ** 2
            row = int(squared.argmin())
            if squared[row] <= closest:
                closest, found = float(squared[row]), int(self.order[span.start + row])
        return found

    def count(self, window: Window) -> int:
        """About how many points are in the window: those of every tile that overlaps it."""
        return sum(span.stop - span.start for span, _ in self.spans(window))


@dataclass(frozen=True)
class Size:
    """How large a point is drawn, in device pixels: a marker of a radius, or, at radius 0, a square of a side."""

    radius: float
    side: int

    @property
    def cost(self) -> float:
        """About how many pixels a point writes."""
        return (2 * self.radius + 2) ** 2 if self.radius else float(self.side**2 + 1)


def point_size(count: int, ratio: float = 1.0) -> Size:
    """Choose the size of points when ``count`` are in view: markers to aim at, then dots, then single pixels."""
    radius = min(LARGEST_RADIUS, 4.6 * (300 / max(count, 1)) ** 0.2)
    side = max(1, round((2 if count <= CROWD else 1) * ratio))
    return Size(0.0 if radius < SMALLEST_RADIUS else round(radius * ratio * 2) / 2, side)


class Rasterizer:
    """Draws tiles of points into an image, with buffers that it keeps."""

    def __init__(self) -> None:
        self._fx = np.empty(CHUNK, np.float32)
        self._fy = np.empty(CHUNK, np.float32)
        self._ix = np.empty(CHUNK, np.intp)
        self._iy = np.empty(CHUNK, np.intp)

    def draw(
        self,
        picture: Pixels,
        tiles: PointTiles,
        window: Window,
        colours: npt.NDArray[np.uint8],
        markers: npt.NDArray[np.intp],
        size: Size,
    ) -> None:
        """Draw the points in the window, see ``steps``."""
        for _ in self.steps(picture, tiles, window, colours, markers, size):
            pass

    def steps(
        self,
        picture: Pixels,
        tiles: PointTiles,
        window: Window,
        colours: npt.NDArray[np.uint8],
        markers: npt.NDArray[np.intp],
        size: Size,
    ) -> Iterator[None]:
        """Draw the points in the window, some tens of thousands with each step; other drawings may come between.

        Parameters
        ----------
        picture : ndarray of uint32, [window.height, window.width]
            Premultiplied ARGB, C-contiguous; cleared first.
        tiles : PointTiles
            What to draw.
        window : Window
            What part of the plane the picture shows.
        colours : ndarray of uint8, [slots, 4]
            Red, green, blue, alpha for each slot.
        markers : ndarray of int, [slots]
            Index into ``MARKERS`` for each slot.
        size : Size
            Markers have a soft edge and an outline; squares have neither, and the last one wins.
        """
        picture.fill(0)
        if size.radius > 0:
            self._draw_markers(picture, tiles, window, colours, markers, size.radius)
        else:
            yield from self._draw_dots(picture, tiles, window, colours, size.side)

    def _draw_dots(
        self, picture: Pixels, tiles: PointTiles, window: Window, colours: npt.NDArray[np.uint8], side: int
    ) -> Iterator[None]:
        flat = picture.reshape(-1)
        table = pack(colours)
        for pixel, slot in self._pixels(tiles, window, side):
            value = table[slot]
            for dy in range(side):
                for dx in range(side):
                    flat[pixel + (dy * window.width + dx)] = value
            yield

    def _draw_markers(
        self,
        picture: Pixels,
        tiles: PointTiles,
        window: Window,
        colours: npt.NDArray[np.uint8],
        markers: npt.NDArray[np.intp],
        radius: float,
    ) -> None:
        reach = sprite(MARKERS[0], radius).reach
        found = [(pixel.astype(np.intp), slot.copy()) for pixel, slot in self._pixels(tiles, window, reach)]
        if not found:
            return
        flat = picture.reshape(-1)
        pixel = np.concatenate([p for p, _ in found])
        slot = np.concatenate([s for _, s in found])
        shapes = []
        for number, marker in enumerate(MARKERS):
            chosen = np.flatnonzero(markers[slot] == number)
            if len(chosen):
                shape = sprite(marker, radius)
                offset = shape.dy * window.width + shape.dx
                shapes.append((pixel[chosen], slot[chosen], offset, shape.band, shape.table(colours)))
        # From the rim inwards: where markers overlap, a pixel belongs to the marker in which it is deepest.
        for band in range(max(int(bands.max()) for _, _, _, bands, _ in shapes), -1, -1):
            for mine, theirs, offset, bands, table in shapes:
                here = bands == band
                if here.any():
                    flat[mine[:, None] + offset[here]] = table[:, here][theirs]

    def _pixels(
        self, tiles: PointTiles, window: Window, margin: int
    ) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]]:
        """Flat pixel indices and slots of the points at least ``margin`` pixels inside the picture, by chunks."""
        left, top, scale = np.float32(window.left), np.float32(window.top), np.float32(window.scale)
        shrunk = Window(
            window.left + margin / window.scale,
            window.top - margin / window.scale,
            window.scale,
            max(1, window.width - 2 * margin),
            max(1, window.height - 2 * margin),
        )
        for span, inside in tiles.spans(shrunk):
            for start in range(span.start, span.stop, CHUNK):
                part = slice(start, min(start + CHUNK, span.stop))
                size = part.stop - part.start
                fx, fy = self._fx[:size], self._fy[:size]
                ix, iy = self._ix[:size], self._iy[:size]
                # Subtract before scaling: that keeps float32 exact enough far into a zoom.
                np.subtract(tiles.x[part], left, out=fx)
                np.multiply(fx, scale, out=fx)
                np.subtract(top, tiles.y[part], out=fy)
                np.multiply(fy, scale, out=fy)
                slot = tiles.slot[part]
                if not inside:
                    keep = (fx >= margin) & (fx < window.width - margin)
                    keep &= (fy >= margin) & (fy < window.height - margin)
                    kept = int(np.count_nonzero(keep))
                    if kept == 0:
                        continue
                    if kept < size:
                        fx, fy, slot = fx[keep], fy[keep], slot[keep]
                        ix, iy = self._ix[:kept], self._iy[:kept]
                np.copyto(ix, fx, casting="unsafe")
                np.copyto(iy, fy, casting="unsafe")
                np.multiply(iy, np.intp(window.width), out=iy)
                np.add(iy, ix, out=ix)
                yield ix, slot
