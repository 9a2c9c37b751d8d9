"""Points to pixels in plain numpy: a million of them in a few hundredths of a second.

Drawing an item for each point is what makes scatter plots slow. Here a point is one assignment into a
picture, the last one wins, in chunks that stay in the cache and buffers that are made once
(performance.md, "A million points").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentlab.gui.latent_map.markers import MARKERS, Sprite, sprite

Pixels = npt.NDArray[np.uint32]
TILES = 64
CHUNK = 1 << 16
LARGEST_RADIUS = 5.0
SMALLEST_RADIUS = 1.1


@dataclass(frozen=True)
class Window:
    """The part of the plane that a picture shows, in device pixels.

    Attributes
    ----------
    left, top : float
        Where the picture's upper left corner lies on the axes.
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
        Points on the shown axes. One that is not finite has no place and is counted in ``unplaced``.
    slot : ndarray of uint8, [N]
        Row of the colour table that each is drawn in.

    Attributes
    ----------
    x, y, slot : ndarray
        The placed points in tile order; input order is kept inside a tile.
    unplaced : int
        How many points are not finite.
    """

    def __init__(self, xy: npt.NDArray[np.float32], slot: npt.NDArray[np.uint8]) -> None:
        finite = np.isfinite(xy).all(axis=1)
        self.unplaced = int(len(xy) - np.count_nonzero(finite))
        if self.unplaced:
            xy, slot = xy[finite], slot[finite]
        x = np.ascontiguousarray(xy[:, 0], np.float32)
        y = np.ascontiguousarray(xy[:, 1], np.float32)
        low = (float(x.min()), float(y.min())) if len(x) else (0.0, 0.0)
        high = (float(x.max()), float(y.max())) if len(x) else (1.0, 1.0)
        self._low = low
        self._step = tuple(max(b - a, 1e-12) / TILES for a, b in zip(low, high, strict=True))
        column, row = self._tile(x, 0), self._tile(y, 1)
        tile = row.astype(np.uint16) * np.uint16(TILES) + column.astype(np.uint16)
        order = np.argsort(tile, kind="stable")
        self.x, self.y, self.slot = x[order], y[order], np.ascontiguousarray(slot[order])
        counts = np.bincount(tile, minlength=TILES * TILES)
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.x_range, self.y_range = (low[0], high[0]), (low[1], high[1])

    def __len__(self) -> int:
        """How many points have a place."""
        return len(self.x)

    def _tile(self, values: npt.ArrayLike, axis: int) -> npt.NDArray[np.integer]:
        place = (np.asarray(values) - self._low[axis]) / self._step[axis]
        return np.clip(place, 0, TILES - 1).astype(np.int32)

    def runs(self, window: Window) -> Iterator[tuple[slice, bool]]:
        """Runs of points whose tiles meet the window, and whether each lies wholly inside it."""
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

    def count(self, window: Window) -> int:
        """About how many points are in the window: those of every tile that meets it."""
        return sum(run.stop - run.start for run, _ in self.runs(window))


def dot_radius(count: int, ratio: float = 1.0) -> float:
    """Radius of a point in device pixels when ``count`` are in view; 0 means single pixels.

    Few points are discs that one can aim at; a crowd shrinks until a point is a pixel.
    """
    radius = min(LARGEST_RADIUS, 4.6 * (300 / max(count, 1)) ** 0.2)
    return 0.0 if radius < SMALLEST_RADIUS else round(radius * ratio * 2) / 2


class Rasteriser:
    """Draws tiles of points into a picture with buffers that it keeps."""

    def __init__(self) -> None:
        self._fx = np.empty(CHUNK, np.float32)
        self._fy = np.empty(CHUNK, np.float32)
        self._ix = np.empty(CHUNK, np.int32)
        self._iy = np.empty(CHUNK, np.int32)

    def draw(
        self,
        picture: Pixels,
        tiles: PointTiles,
        window: Window,
        colours: npt.NDArray[np.uint8],
        radius: float,
        dot: int = 1,
    ) -> None:
        """Draw the points in the window.

        Parameters
        ----------
        picture : ndarray of uint32, [window.height, window.width]
            Premultiplied ARGB, C-contiguous; cleared first.
        tiles : PointTiles
            What to draw.
        window : Window
            What part of the plane the picture shows.
        colours : ndarray of uint8, [slots, 4]
            Red, green, blue, alpha for each slot; slot s has the marker ``s % len(MARKERS)``.
        radius : float
            Radius in device pixels of markers with a soft edge and an outline; 0 for squares of ``dot`` pixels.
        dot : int
            Side of a point in device pixels when ``radius`` is 0.
        """
        picture.fill(0)
        if radius > 0:
            self._draw_markers(picture, tiles, window, colours, radius)
        else:
            self._draw_dots(picture, tiles, window, colours, dot)

    def _draw_dots(
        self, picture: Pixels, tiles: PointTiles, window: Window, colours: npt.NDArray[np.uint8], dot: int
    ) -> None:
        flat = picture.reshape(-1)
        table = pack(colours)
        for place, slot in self._places(tiles, window, dot):
            value = table[slot]
            for dy in range(dot):
                for dx in range(dot):
                    flat[place + (dy * window.width + dx)] = value

    def _draw_markers(
        self, picture: Pixels, tiles: PointTiles, window: Window, colours: npt.NDArray[np.uint8], radius: float
    ) -> None:
        reach = sprite(MARKERS[0], radius).reach
        found = [(place.copy(), slot.copy()) for place, slot in self._places(tiles, window, reach)]
        if not found:
            return
        flat = picture.reshape(-1)
        place = np.concatenate([p for p, _ in found])
        slot = np.concatenate([s for _, s in found])
        strokes: list[tuple[float, npt.NDArray[np.int32], npt.NDArray[np.uint8], Sprite, int]] = []
        for number, marker in enumerate(MARKERS):
            chosen = slot % len(MARKERS) == number
            if not chosen.any():
                continue
            shape = sprite(marker, radius)
            mine, theirs = place[chosen], slot[chosen]
            strokes.extend((float(d), mine, theirs, shape, k) for k, d in enumerate(shape.distance))
        # From the rim inwards: where markers overlap, a pixel goes to the point it is nearest to.
        strokes.sort(key=lambda stroke: -stroke[0])
        for _, mine, theirs, shape, k in strokes:
            table = pack(shape.shade(k, colours))
            flat[mine + (shape.dy[k] * window.width + shape.dx[k])] = table[theirs]

    def _places(
        self, tiles: PointTiles, window: Window, margin: int
    ) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]]:
        """Flat pixel indices and slots of the points at least ``margin`` pixels inside the picture, by chunks."""
        left, top, scale = np.float32(window.left), np.float32(window.top), np.float32(window.scale)
        shrunk = Window(
            window.left + margin / window.scale,
            window.top - margin / window.scale,
            window.scale,
            max(1, window.width - 2 * margin),
            max(1, window.height - 2 * margin),
        )
        for run, inside in tiles.runs(shrunk):
            for start in range(run.start, run.stop, CHUNK):
                part = slice(start, min(start + CHUNK, run.stop))
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
                np.multiply(iy, np.int32(window.width), out=iy)
                np.add(iy, ix, out=ix)
                yield ix, slot


def pack(colours: npt.NDArray[np.uint8]) -> Pixels:
    """Pack red, green, blue, alpha (uint8 [n, 4]) into premultiplied ARGB (uint32 [n])."""
    wide = colours.astype(np.uint32)
    alpha = wide[:, 3]
    red, green, blue = ((wide[:, k] * alpha + 127) // 255 for k in range(3))
    return (alpha << 24) | (red << 16) | (green << 8) | blue
