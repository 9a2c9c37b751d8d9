"""The shapes that tell classes apart where colour cannot, as small soft-edged pictures."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Sprite:
    """One marker at one size: the pixels round a point's own that it touches.

    Attributes
    ----------
    dx, dy : ndarray of int, [k]
        Where each pixel lies from the point's own.
    distance : ndarray of float, [k]
        Signed distance in pixels from the shape's edge, negative inside.
    reach : int
        The farthest of ``dx`` and ``dy``, the same for every marker of that radius.
    """

    dx: npt.NDArray[np.intp]
    dy: npt.NDArray[np.intp]
    distance: FloatArray
    reach: int

    def shade(self, k: int, colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Colour of pixel ``k`` for every slot, RGBA uint8 [slots, 4]: the fill over a dark outline."""
        fill, rim = coverage(self.distance[k])
        alpha = fill + rim * (1.0 - fill)
        mixed = colours[:, :3] * (fill / alpha) + np.array(OUTLINE_COLOUR) * (1.0 - fill / alpha)
        shaded = np.empty_like(colours)
        shaded[:, :3] = np.round(mixed)
        shaded[:, 3] = np.round(colours[:, 3] * alpha)
        return shaded


def coverage(distance: float) -> tuple[float, float]:
    """How much of a pixel the fill and the outline cover, given its distance from the edge."""
    fill = float(np.clip(0.5 - distance, 0.0, 1.0))
    rim = float(np.clip(0.5 + OUTLINE_PX - distance, 0.0, 1.0)) * OUTLINE_ALPHA
    return fill, rim


@lru_cache(maxsize=256)
def sprite(marker: str, radius: float) -> Sprite:
    """Make a marker of a radius in pixels (the disc's; others have about its area)."""
    reach = int(np.ceil(radius * 1.35 + OUTLINE_PX + 0.5))
    side = np.arange(-reach, reach + 1)
    x, y = (axis.astype(float).ravel() for axis in np.meshgrid(side, side))
    distance = _SHAPES[marker](x, -y, radius)
    touched = distance < 0.5 + OUTLINE_PX
    return Sprite(x[touched].astype(np.intp), y[touched].astype(np.intp), distance[touched], reach)


def _polygon(corners: int, size: float, turn: float = 90.0, inner: float = 1.0):  # type: ignore[no-untyped-def]
    """Signed distance from a regular polygon, or from a star when ``inner`` is below 1."""

    def distance(x: FloatArray, y: FloatArray, radius: float) -> FloatArray:
        steps = corners if inner == 1.0 else 2 * corners
        angle = np.deg2rad(turn) + 2 * np.pi * np.arange(steps) / steps
        length = np.where(np.arange(steps) % 2 == 1, inner, 1.0) * size * radius
        return _distance_to_polygon(x, y, np.cos(angle) * length, np.sin(angle) * length)

    return distance


def _cross(turn: float):  # type: ignore[no-untyped-def]
    def distance(x: FloatArray, y: FloatArray, radius: float) -> FloatArray:
        cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        u, v = np.abs(cos * x - sin * y), np.abs(sin * x + cos * y)
        arm, half = 1.2 * radius, 0.42 * radius
        return np.minimum(np.maximum(u - arm, v - half), np.maximum(u - half, v - arm))

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


_SHAPES = {
    "disc": _disc,
    "square": _polygon(4, 1.25, turn=45.0),
    "triangle": _polygon(3, 1.35),
    "diamond": _polygon(4, 1.25),
    "plus": _cross(0.0),
    "down": _polygon(3, 1.35, turn=270.0),
    "cross": _cross(45.0),
    "pentagon": _polygon(5, 1.15),
    "star": _polygon(5, 1.35, inner=0.5),
    "hexagon": _polygon(6, 1.1, turn=0.0),
}
