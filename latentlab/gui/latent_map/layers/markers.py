"""Markers: shapes that distinguish classes where colours do not, as small antialiased images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

MARKERS = ("disc", "square", "triangle", "diamond", "plus", "down", "cross", "pentagon", "star", "hexagon")
"""Names of the shapes; class k has the shape ``MARKERS[k % 10]``."""

OUTLINE_PX = 0.9
OUTLINE_COLOUR = (12, 13, 15)
OUTLINE_ALPHA = 0.75
FloatArray = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint32]
Shape = Callable[[FloatArray, FloatArray, float], FloatArray]
"""Signed distance of pixels (x, y) from the edge of a shape of a radius."""


@dataclass(frozen=True)
class Sprite:
    """One marker at one size: the pixels round a point's own that it touches.

    Attributes
    ----------
    dx, dy : ndarray of int, [k]
        Offset of each pixel from the point's own.
    distance : ndarray of float, [k]
        Signed distance in pixels from the shape's edge, negative inside.
    reach : int
        The farthest of ``dx`` and ``dy``, the same for every marker of that radius.
    """

    dx: npt.NDArray[np.intp]
    dy: npt.NDArray[np.intp]
    distance: FloatArray
    reach: int

    @property
    def band(self) -> npt.NDArray[np.intp]:
        """Distance of each pixel from the deepest inside, which is 0, in whole pixels."""
        depth = np.ceil(self.distance - 0.5)
        return np.asarray(depth - depth.min(), dtype=np.intp)

    def table(self, colours: npt.NDArray[np.uint8]) -> Pixels:
        """Shade the marker's pixels in every colour: the fill over a dark outline.

        Parameters
        ----------
        colours : ndarray of uint8, [slots, 4]
            Red, green, blue and alpha of the fill.

        Returns
        -------
        ndarray of uint32, [slots, k]
            Premultiplied ARGB.
        """
        fill = np.clip(0.5 - self.distance, 0.0, 1.0)
        rim = np.clip(0.5 + OUTLINE_PX - self.distance, 0.0, 1.0) * OUTLINE_ALPHA
        alpha = fill + rim * (1.0 - fill)
        share = (fill / alpha)[:, None]
        shaded = np.empty((len(colours), len(fill), 4), np.uint8)
        shaded[..., :3] = np.round(colours[:, None, :3] * share + np.array(OUTLINE_COLOUR) * (1.0 - share))
        shaded[..., 3] = np.round(colours[:, None, 3] * alpha)
        return pack(shaded)


def pack(colours: npt.NDArray[np.uint8]) -> Pixels:
    """Pack red, green, blue, alpha (uint8 [..., 4]) into premultiplied ARGB (uint32 [...])."""
    wide = colours.astype(np.uint32)
    alpha = wide[..., 3]
    red, green, blue = ((wide[..., k] * alpha + 127) // 255 for k in range(3))
    return np.asarray((alpha << 24) | (red << 16) | (green << 8) | blue, dtype=np.uint32)


@lru_cache(maxsize=256)
def sprite(marker: str, radius: float) -> Sprite:
    """Make a marker of a radius in pixels (the disc's; others have about its area)."""
    reach = int(np.ceil(radius * 1.35 + OUTLINE_PX + 0.5))
    side = np.arange(-reach, reach + 1)
    x, y = (axis.astype(float).ravel() for axis in np.meshgrid(side, side))
    distance = _SHAPES[marker](x, -y, radius)
    touched = distance < 0.5 + OUTLINE_PX
    return Sprite(x[touched].astype(np.intp), y[touched].astype(np.intp), distance[touched], reach)


def outline(marker: str, radius: float) -> FloatArray:
    """Corners [k, 2] of a marker's shape round 0, y downwards, for a drawing of shapes; a disc has many."""
    if marker in ("plus", "cross"):
        arm, half = 1.2 * radius, 0.42 * radius
        side = [(half, arm), (half, half), (arm, half), (arm, -half), (half, -half), (half, -arm)]
        corners = np.array([*side, *((-x, -y) for x, y in side)])
        turn = np.deg2rad(45.0 if marker == "cross" else 0.0)
        return np.asarray(corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]))
    count, size, rotation, inner = _CORNERS[marker]
    steps = count if inner == 1.0 else 2 * count
    angle = np.deg2rad(rotation) + 2 * np.pi * np.arange(steps) / steps
    length = np.where(np.arange(steps) % 2 == 1, inner, 1.0) * size * radius
    return np.stack([np.cos(angle) * length, -np.sin(angle) * length], axis=1)


_CORNERS = {
    "disc": (48, 1.0, 0.0, 1.0),
    "square": (4, 1.25, 45.0, 1.0),
    "triangle": (3, 1.35, 90.0, 1.0),
    "diamond": (4, 1.25, 90.0, 1.0),
    "down": (3, 1.35, 270.0, 1.0),
    "pentagon": (5, 1.15, 90.0, 1.0),
    "star": (5, 1.35, 90.0, 0.5),
    "hexagon": (6, 1.1, 0.0, 1.0),
}
"""Number of corners, size, rotation in degrees, and length of every second corner, of each polygon."""


def _polygon(corners: int, size: float, rotation: float = 90.0, inner: float = 1.0) -> Shape:
    """Signed distance from a regular polygon, or from a star when ``inner`` is below 1."""

    def distance(x: FloatArray, y: FloatArray, radius: float) -> FloatArray:
        steps = corners if inner == 1.0 else 2 * corners
        angle = np.deg2rad(rotation) + 2 * np.pi * np.arange(steps) / steps
        length = np.where(np.arange(steps) % 2 == 1, inner, 1.0) * size * radius
        return _distance_to_polygon(x, y, np.cos(angle) * length, np.sin(angle) * length)

    return distance


def _cross(rotation: float) -> Shape:
    """Signed distance from two crossed bars."""

    def distance(x: FloatArray, y: FloatArray, radius: float) -> FloatArray:
        cos, sin = np.cos(np.deg2rad(rotation)), np.sin(np.deg2rad(rotation))
        u, v = np.abs(cos * x - sin * y), np.abs(sin * x + cos * y)
        arm, half = 1.2 * radius, 0.42 * radius
        return np.asarray(np.minimum(np.maximum(u - arm, v - half), np.maximum(u - half, v - arm)))

    return distance


def _disc(x: FloatArray, y: FloatArray, radius: float) -> FloatArray:
    return np.hypot(x, y) - radius


def _distance_to_polygon(x: FloatArray, y: FloatArray, px: FloatArray, py: FloatArray) -> FloatArray:
    """Signed distance of points from a closed polygon, negative inside (even-odd rule)."""
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, bool)
    for k in range(len(px)):
        ax, ay, bx, by = px[k - 1], py[k - 1], px[k], py[k]
        ex, ey = bx - ax, by - ay
        along = np.clip(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        nearest = np.minimum(nearest, np.hypot(x - ax - along * ex, y - ay - along * ey))
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < ax + (y - ay) / (by - ay) * ex)
    return np.where(inside, -nearest, nearest)


_SHAPES = {name: _polygon(*values) for name, values in _CORNERS.items()} | {
    "disc": _disc,
    "plus": _cross(0.0),
    "cross": _cross(45.0),
}
