"""What part of the plane is in view, and the box that zooms and pans it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsObject, QStyleOptionGraphicsItem, QWidget

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
        pixels: FloatArray = (np.asarray(xy, float) - (self.x_min, self.y_max)) * self._pixels_a_unit()
        return pixels

    def from_pixel(self, pixel: npt.ArrayLike) -> FloatArray:
        """Bring logical pixels [..., 2] from the view's top left corner to the axes."""
        places: FloatArray = np.asarray(pixel, float) / self._pixels_a_unit() + (self.x_min, self.y_max)
        return places

    def _pixels_a_unit(self) -> tuple[float, float]:
        """To the right and downwards, where the second axis is less."""
        return self.width_px / (self.x_max - self.x_min), -self.height_px / (self.y_max - self.y_min)

    def point(self, xy: FloatArray | tuple[float, float]) -> QPointF:
        """Bring one point of the axes to the view's pixels, as Qt wants it."""
        x, y = xy
        return QPointF(
            (float(x) - self.x_min) * (self.width_px / (self.x_max - self.x_min)),
            (self.y_max - float(y)) * (self.height_px / (self.y_max - self.y_min)),
        )


class MapViewBox(QGraphicsObject):
    """The part of the scene that the map is painted in: it knows what is in view, zooms and pans.

    Its own coordinates are the view's logical pixels, and a unit is as long across as it is high. The plane's
    transform is `View`'s: the layers paint in pixels, so the scene needs none.

    Parameters
    ----------
    widget
        Whose screen says how many device pixels a logical one has.

    Signals
    -------
    rangeChanged
        Another part of the plane is in view.
    resized
        The box has another size.
    """

    rangeChanged = Signal()
    resized = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemClipsChildrenToShape)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemHasNoContents)
        self._widget = widget
        self._width, self._height = 1, 1
        self._wanted = (-PRIOR_REACH, PRIOR_REACH, -PRIOR_REACH, PRIOR_REACH)
        self._view = self._fitted()

    def view(self) -> View:
        """What is in view now."""
        if self._view.ratio != self._widget.devicePixelRatioF():  # moved to another screen
            self._view = self._fitted()
        return self._view

    def rect(self) -> QRectF:
        """The whole box, in its own coordinates."""
        return QRectF(0, 0, self._width, self._height)

    def place(self, x: int, y: int, width: int, height: int) -> None:
        """Lay the box into the scene; what was wanted in view stays there, as large as it fits."""
        self.setPos(x, y)
        if (width, height) != (self._width, self._height):
            self.prepareGeometryChange()
            self._width, self._height = width, height
            self._refit()
            self.resized.emit()

    def show_range(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        """Bring the whole rectangle into view, as large as the box allows."""
        self._wanted = (*x_range, *y_range)
        self._refit()

    def zoom(self, factor: float, about: npt.ArrayLike) -> None:
        """Make what is in view ``factor`` times larger while the point ``about`` (x, y) stays in place."""
        view = self.view()
        span = min(view.x_max - view.x_min, view.y_max - view.y_min)
        factor = float(np.clip(factor, span / LARGEST_SPAN, span / SMALLEST_SPAN))
        x, y = np.asarray(about, float).tolist()
        self.show_range(
            (x + (view.x_min - x) / factor, x + (view.x_max - x) / factor),
            (y + (view.y_min - y) / factor, y + (view.y_max - y) / factor),
        )

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by logical pixels, right and down."""
        view = self.view()
        x, y = dx / view.scale, dy / view.scale
        self.show_range((view.x_min - x, view.x_max - x), (view.y_min + y, view.y_max + y))

    def bring_into_view(self, xy: npt.ArrayLike, margin: float) -> None:
        """Pan just so far that a point (x, y) lies ``margin`` logical pixels or more from the edges.

        In a box too small for that it lies in the middle.
        """
        pixel, size = self.view().to_pixel(xy), np.array([self._width, self._height], float)
        room = np.minimum(margin, size / 2)
        dx, dy = np.clip(pixel, room, size - room) - pixel
        if np.isfinite(dx + dy) and (dx or dy):
            self.pan(float(dx), float(dy))

    def boundingRect(self) -> QRectF:
        """The whole box."""
        return self.rect()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint nothing: the layers do."""

    def _refit(self) -> None:
        before, self._view = self._view, self._fitted()
        if self._view != before:
            self.rangeChanged.emit()

    def _fitted(self) -> View:
        """The view of this size in which the wanted rectangle lies whole and in the middle."""
        x_min, x_max, y_min, y_max = self._wanted
        per_pixel = max((x_max - x_min) / self._width, (y_max - y_min) / self._height)
        x, y = (x_min + x_max) / 2, (y_min + y_max) / 2
        right, up = per_pixel * self._width / 2, per_pixel * self._height / 2
        ratio = self._widget.devicePixelRatioF()
        return View(x - right, x + right, y - up, y + up, self._width, self._height, ratio)
