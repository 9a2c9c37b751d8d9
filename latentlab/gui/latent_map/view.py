"""What part of the plane is in view, and the box that zooms and pans it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF

FloatArray = npt.NDArray[np.floating]

SMALLEST_SPAN = 1e-5
LARGEST_SPAN = 1e5
PRIOR_REACH = 3.2
"""Half the height of the first view: 99.9 % of a standard normal prior lies within."""


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

    @property
    def x_range(self) -> tuple[float, float]:
        """``(x_min, x_max)``."""
        return self.x_min, self.x_max

    @property
    def y_range(self) -> tuple[float, float]:
        """``(y_min, y_max)``."""
        return self.y_min, self.y_max

    @property
    def scale(self) -> float:
        """Logical pixels for each unit (the aspect is locked: the same on both axes)."""
        return self.width_px / (self.x_max - self.x_min)

    def to_pixel(self, xy: npt.ArrayLike) -> FloatArray:
        """Bring points [..., 2] of the axes to logical pixels from the view's top left corner."""
        xy = np.asarray(xy, float)
        x = (xy[..., 0] - self.x_min) * (self.width_px / (self.x_max - self.x_min))
        y = (self.y_max - xy[..., 1]) * (self.height_px / (self.y_max - self.y_min))
        return np.stack([x, y], axis=-1)

    def from_pixel(self, pixel: npt.ArrayLike) -> FloatArray:
        """Bring logical pixels [..., 2] from the view's top left corner to the axes."""
        pixel = np.asarray(pixel, float)
        x = self.x_min + pixel[..., 0] * ((self.x_max - self.x_min) / self.width_px)
        y = self.y_max - pixel[..., 1] * ((self.y_max - self.y_min) / self.height_px)
        return np.stack([x, y], axis=-1)

    def point(self, xy: npt.ArrayLike) -> QPointF:
        """Bring one point of the axes to the view's pixels, as Qt wants it."""
        x, y = self.to_pixel(xy)
        return QPointF(float(x), float(y))


class MapViewBox(pg.ViewBox):  # type: ignore[misc]
    """A view box with its aspect locked that leaves mouse and menus to the map.

    pyqtgraph's own drags wait for five pixels and answer at most a hundred times a second;
    the map must answer at once, so it tells the box to zoom and pan instead.
    """

    def __init__(self) -> None:
        super().__init__(lockAspect=True, enableMouse=False, enableMenu=False, defaultPadding=0.0)
        self.disableAutoRange()
        self.show_range((-PRIOR_REACH, PRIOR_REACH), (-PRIOR_REACH, PRIOR_REACH))

    def view(self) -> View:
        """What is in view now."""
        (x_min, x_max), (y_min, y_max) = self.viewRange()
        widget = self.getViewWidget()
        return View(
            float(x_min),
            float(x_max),
            float(y_min),
            float(y_max),
            max(1, round(self.width())),
            max(1, round(self.height())),
            float(widget.devicePixelRatioF()) if widget is not None else 1.0,
        )

    def show_range(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        """Bring the whole rectangle into view, as large as the locked aspect allows."""
        self.setRange(xRange=x_range, yRange=y_range, padding=0)

    def zoom(self, factor: float, about: npt.ArrayLike) -> None:
        """Make what is in view ``factor`` times larger while the point ``about`` (x, y) stays in place."""
        view = self.view()
        span = min(view.x_max - view.x_min, view.y_max - view.y_min)
        factor = float(np.clip(factor, span / LARGEST_SPAN, span / SMALLEST_SPAN))
        x, y = np.asarray(about, float)
        self.show_range(
            (x + (view.x_min - x) / factor, x + (view.x_max - x) / factor),
            (y + (view.y_min - y) / factor, y + (view.y_max - y) / factor),
        )

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by logical pixels, right and down."""
        view = self.view()
        x, y = dx / view.scale, dy / view.scale
        self.show_range((view.x_min - x, view.x_max - x), (view.y_min + y, view.y_max + y))
