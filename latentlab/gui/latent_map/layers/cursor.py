"""What lies over the points: cursor, preview, posterior ellipse, path, and the outline being drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from latentlab.gui.latent_map.layers.base import PixelLayer
from latentlab.gui.latent_map.view_box import MapViewBox, View

FloatArray = npt.NDArray[np.floating]
RING_PX = 8.0
TICK_PX = 7.0
PREVIEW_PX = 4.5
WAYPOINT_PX = 5.0
CHI_95 = 2.4477
"""Radius, in standard deviations, that holds 95 % of a normal distribution in the plane."""

_SHADE = QColor(0, 0, 0, 170)


def stroke(painter: QPainter, path: QPainterPath, colour: QColor | str, width: float) -> None:
    """Draw a line that shows on dark and on light: the colour over a wider dark shade."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for tint, size in ((_SHADE, width + 2.0), (QColor(colour), width)):
        pen = QPen(tint, size)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPath(path)


class PlaceLayer(PixelLayer):
    """A mark at one place; moving it repaints only where it was and where it is."""

    reach = RING_PX + TICK_PX + 4.0

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._xy: FloatArray | None = None
        super().__init__(box, z_value)

    @property
    def xy(self) -> FloatArray | None:
        """Where the mark is, or None."""
        return self._xy

    def set_place(self, xy: npt.ArrayLike | None) -> None:
        """Put the mark there; None takes it away."""
        before = self._rectangles()
        self._xy = None if xy is None else np.asarray(xy, float).reshape(2)
        scene = self.scene()
        for part in (*before, *self._rectangles()):
            # The scene's update, not the item's: that one makes a single rectangle of them all, and hairlines that
            # cross would have the whole map painted for every move.
            scene.update(self.mapRectToScene(part))

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._xy is None

    def _rectangles(self) -> list[QRectF]:
        if self._xy is None:
            return []
        centre = self.view().point(self._xy)
        return [QRectF(centre.x() - self.reach, centre.y() - self.reach, 2 * self.reach, 2 * self.reach)]


class CursorLayer(PlaceLayer):
    """The committed z: a ring with four ticks, and hairlines that lead to the axes."""

    def _rectangles(self) -> list[QRectF]:
        near = super()._rectangles()
        if not near:
            return []
        centre, whole = near[0].center(), self.boundingRect()
        across = QRectF(0, centre.y() - 2, whole.width(), 4)
        down = QRectF(centre.x() - 2, 0, 4, whole.height())
        return [*near, across, down]

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint hairlines, then the ring."""
        if self._xy is None:
            return
        centre = view.point(self._xy)
        x, y, gap = centre.x(), centre.y(), RING_PX + TICK_PX
        for colour, offset in ((QColor(0, 0, 0, 70), 1.0), (QColor(255, 255, 255, 80), 0.0)):
            painter.setPen(QPen(colour, 1))
            xs, ys = np.floor(x) + 0.5 + offset, np.floor(y) + 0.5 + offset
            painter.drawLine(QPointF(0, ys), QPointF(x - gap, ys))
            painter.drawLine(QPointF(x + gap, ys), QPointF(view.width_px, ys))
            painter.drawLine(QPointF(xs, 0), QPointF(xs, y - gap))
            painter.drawLine(QPointF(xs, y + gap), QPointF(xs, view.height_px))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addEllipse(centre, RING_PX, RING_PX)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            path.moveTo(x + dx * (RING_PX - 3), y + dy * (RING_PX - 3))
            path.lineTo(x + dx * (RING_PX + TICK_PX - 2), y + dy * (RING_PX + TICK_PX - 2))
        stroke(painter, path, "#ffffff", 2.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.accent))
        painter.drawEllipse(centre, 2.2, 2.2)


class PreviewLayer(PlaceLayer):
    """The z that is previewed: a small ring in the accent colour."""

    reach = PREVIEW_PX + 4.0

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the ring."""
        if self._xy is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addEllipse(view.point(self._xy), PREVIEW_PX, PREVIEW_PX)
        stroke(painter, path, self.theme.accent, 1.6)


class PosteriorLayer(PixelLayer):
    """An image's posterior on the shown axes: its mean, and the ellipses of one sigma and of 95 %."""

    kept = True

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._mean: FloatArray | None = None
        self._axes: FloatArray = np.zeros((2, 2))
        super().__init__(box, z_value)

    def set_posterior(self, mean: npt.ArrayLike | None, covariance: npt.ArrayLike | None) -> None:
        """Draw the posterior with this mean (x, y) and covariance [2, 2] (None: a point without spread)."""
        before = self._covered()
        self._mean = None if mean is None else np.asarray(mean, float).reshape(2)
        self._axes = np.zeros((2, 2))
        if self._mean is not None and covariance is not None:
            values, vectors = np.linalg.eigh(np.asarray(covariance, float).reshape(2, 2))
            self._axes = vectors * np.sqrt(np.maximum(values, 0.0))
        for part in (before, self._covered()):
            if not part.isEmpty():
                self.update(part)

    def _covered(self) -> QRectF:
        """What it takes of the view, in logical pixels."""
        if self._mean is None:
            return QRectF()
        pixels = self.view().to_pixel(self.outline(CHI_95))
        (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
        room = WAYPOINT_PX + 3.0
        return QRectF(left - room, top - room, right - left + 2 * room, bottom - top + 2 * room) & self.boundingRect()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._mean is None

    def outline(self, sigmas: float) -> FloatArray:
        """Points [65, 2] on the axes, ``sigmas`` standard deviations from the mean all round."""
        if self._mean is None:
            return np.zeros((0, 2))
        turn = np.linspace(0.0, 2 * np.pi, 65)
        return self._mean + sigmas * np.stack([np.cos(turn), np.sin(turn)], axis=1) @ self._axes.T

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint both ellipses and the mean."""
        if self._mean is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = QColor(self.theme.accent)
        tint = QColor(accent)
        tint.setAlpha(40)
        for sigmas, width in ((CHI_95, 1.2), (1.0, 1.8)):
            path = QPainterPath()
            path.addPolygon(_polygon(view.to_pixel(self.outline(sigmas))))
            painter.fillPath(path, tint)
            stroke(painter, path, accent, width)
        painter.setPen(QPen(_SHADE, 1))
        painter.setBrush(accent)
        painter.drawEllipse(view.point(self._mean), 3.0, 3.0)


class PathLayer(PixelLayer):
    """A path through latent space: its waypoints, numbered in order, and the line between them."""

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._points: FloatArray = np.zeros((0, 2))
        super().__init__(box, z_value)

    @property
    def points(self) -> FloatArray:
        """The waypoints [n, 2]."""
        return self._points

    def set_points(self, points: npt.ArrayLike | None) -> None:
        """Draw a path through these waypoints [n, 2]."""
        self._points = np.zeros((0, 2)) if points is None else np.asarray(points, float).reshape(-1, 2)
        self.update()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._points)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the line, then the waypoints; the first is filled."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pixels = view.to_pixel(self._points)
        line = QPainterPath()
        line.addPolygon(_polygon(pixels))
        stroke(painter, line, self.theme.accent, 2.0)
        for number, (x, y) in enumerate(pixels):
            painter.setPen(QPen(_SHADE, 1.5))
            painter.setBrush(QColor(self.theme.accent if number == 0 else "#ffffff"))
            painter.drawEllipse(QPointF(x, y), WAYPOINT_PX, WAYPOINT_PX)


class OutlineLayer(PixelLayer):
    """The lasso or rectangle while it is being drawn."""

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        self._corners: FloatArray = np.zeros((0, 2))
        super().__init__(box, z_value)

    def set_corners(self, corners: npt.ArrayLike | None) -> None:
        """Draw a closed outline through these logical pixels [n, 2] of the view."""
        self._corners = np.zeros((0, 2)) if corners is None else np.asarray(corners, float).reshape(-1, 2)
        self.update()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return len(self._corners) < 2

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the outline and a tint inside it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addPolygon(_polygon(self._corners))
        path.closeSubpath()
        tint = QColor(self.theme.accent)
        tint.setAlpha(36)
        painter.fillPath(path, tint)
        stroke(painter, path, self.theme.accent, 1.5)


def _polygon(pixels: FloatArray) -> QPolygonF:
    return QPolygonF([QPointF(float(x), float(y)) for x, y in pixels])
