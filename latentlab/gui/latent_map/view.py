"""What part of the plane is in view (numpy alone: the map's preview needs it before pyqtgraph is imported)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF

FloatArray = npt.NDArray[np.floating]
Range = tuple[float, float]

PRIOR_REACH = 3.2
"""Half the height of the first view: 99.9 % of a standard normal prior is inside."""
AXIS_WIDTH, AXIS_HEIGHT, MARGIN = 38, 22, 6
"""Logical pixels that the axes take on the left and below, and that stay free on the right and above."""


@dataclass(frozen=True)
class View:
    """The rectangle of the shown axes that is in view, and its size on the screen.

    Attributes
    ----------
    x_min, x_max, y_min, y_max : float
        The rectangle, in units of the shown axes; y rises upwards.
    width_px, height_px : int
        Its size in the widget's (logical) pixels.
    ratio : float
        Device pixels for each logical pixel.
    """

    x_min: float
    x_max: float
    y_min: float
    y_max: float
    width_px: int
    height_px: int
    ratio: float = 1.0

    @classmethod
    def fitted(cls, x_range: Range, y_range: Range, width_px: int, height_px: int, ratio: float = 1.0) -> View:
        """Return the view of this size that shows a rectangle of the axes whole, in the middle, as large as it fits."""
        (x_min, x_max), (y_min, y_max) = x_range, y_range
        per_pixel = max((x_max - x_min) / width_px, (y_max - y_min) / height_px)
        x, y = (x_min + x_max) / 2, (y_min + y_max) / 2
        right, up = per_pixel * width_px / 2, per_pixel * height_px / 2
        return cls(x - right, x + right, y - up, y + up, width_px, height_px, ratio)

    @property
    def x_range(self) -> Range:
        """``(x_min, x_max)``."""
        return self.x_min, self.x_max

    @property
    def y_range(self) -> Range:
        """``(y_min, y_max)``."""
        return self.y_min, self.y_max

    @property
    def scale(self) -> float:
        """Logical pixels for each unit (the aspect is locked: the same on both axes)."""
        return self.width_px / (self.x_max - self.x_min)

    def to_pixel(self, xy: npt.ArrayLike) -> FloatArray:
        """Map points [..., 2] of the axes to logical pixels from the view's top left corner."""
        pixels: FloatArray = (np.asarray(xy, float) - (self.x_min, self.y_max)) * self._pixels_per_unit()
        return pixels

    def from_pixel(self, pixel: npt.ArrayLike) -> FloatArray:
        """Map logical pixels [..., 2] from the view's top left corner to points of the axes."""
        points: FloatArray = np.asarray(pixel, float) / self._pixels_per_unit() + (self.x_min, self.y_max)
        return points

    def point(self, xy: FloatArray | tuple[float, float]) -> QPointF:
        """Map one point (x, y) of the axes to logical pixels."""
        x, y = xy
        return QPointF(
            (float(x) - self.x_min) * (self.width_px / (self.x_max - self.x_min)),
            (self.y_max - float(y)) * (self.height_px / (self.y_max - self.y_min)),
        )

    def rectangle(self, x_range: Range, y_range: Range) -> QRectF:
        """Map a rectangle of the axes to logical pixels."""
        left, top = self.to_pixel((x_range[0], y_range[1]))
        right, bottom = self.to_pixel((x_range[1], y_range[0]))
        return QRectF(float(left), float(top), float(right - left), float(bottom - top))

    def rect(self) -> QRectF:
        """The whole view in logical pixels."""
        return QRectF(0, 0, self.width_px, self.height_px)

    def widened(self, pixels: int) -> View:
        """The same view with a border of so many logical pixels all round."""
        border = pixels / self.scale
        return replace(
            self,
            x_min=self.x_min - border,
            x_max=self.x_max + border,
            y_min=self.y_min - border,
            y_max=self.y_max + border,
            width_px=self.width_px + 2 * pixels,
            height_px=self.height_px + 2 * pixels,
        )

    def _pixels_per_unit(self) -> Range:
        """To the right, and downwards, where the second axis is less."""
        return self.width_px / (self.x_max - self.x_min), -self.height_px / (self.y_max - self.y_min)
