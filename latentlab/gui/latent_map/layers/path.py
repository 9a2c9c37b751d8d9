"""A path through latent space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import SHADE, polygon, stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
WAYPOINT_PX = 5.0
_STRAIGHT_OPACITY = 0.6


class PathLayer(Layer):
    """The waypoints of a path in order, and the way through them; the first is filled.

    Until the way is known, and faintly beside it, straight lines join the waypoints.
    """

    name = "path"
    title = "Path"

    def __init__(self) -> None:
        super().__init__()
        self._points: FloatArray = np.zeros((0, 2))
        self._curve: FloatArray | None = None

    @property
    def points(self) -> FloatArray:
        """The waypoints [n, 2]."""
        return self._points

    def set_points(self, points: npt.ArrayLike | None) -> None:
        """Draw a path through these waypoints [n, 2]; None or none of them removes it."""
        self._points = np.zeros((0, 2)) if points is None else np.asarray(points, float).reshape(-1, 2)
        self.update()

    @property
    def curve(self) -> FloatArray:
        """Points [m, 2] close to each other on the way; the waypoints while it is not known."""
        return self._points if self._curve is None else self._curve

    def set_curve(self, curve: npt.ArrayLike | None) -> None:
        """Draw the way through these points [m, 2]; None for straight lines."""
        self._curve = None if curve is None else np.asarray(curve, float).reshape(-1, 2)
        self.update()

    def side_at(self, pixel: FloatArray, view: View, reach: float) -> int | None:
        """The side of the path, from 0, whose way leads within ``reach`` of a pixel; the way back is the last."""
        count, curve = len(self._points), self.curve
        if count < 2:
            return None
        ends = view.to_pixel(curve)
        start, along = ends[:-1], np.diff(ends, axis=0)
        length = np.maximum((along**2).sum(axis=1), 1e-9)
        t = np.clip(((pixel - start) * along).sum(axis=1) / length, 0, 1)
        away = np.hypot(*(start + t[:, None] * along - pixel).T)
        nearest = int(away.argmin())
        if away[nearest] > reach:
            return None
        is_closed = np.allclose(curve[-1], self._points[0]) and not np.allclose(self._points[-1], self._points[0])
        sides = count if is_closed else count - 1
        return nearest * sides // len(along)

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._points)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the line, then the waypoints."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pixels = view.to_pixel(self._points)
        if self._curve is not None and len(pixels) > 1:
            painter.save()
            painter.setOpacity(painter.opacity() * _STRAIGHT_OPACITY)
            painter.setPen(QPen(QColor("#ffffff"), 1.5, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(polygon(pixels))
            painter.restore()
        line = QPainterPath()
        line.addPolygon(polygon(view.to_pixel(self.curve)))
        stroke(painter, line, self.theme.mark, 2.0)
        for number, (x, y) in enumerate(pixels):
            painter.setPen(QPen(SHADE, 1.5))
            painter.setBrush(QColor(self.theme.mark if number == 0 else "#ffffff"))
            painter.drawEllipse(QPointF(x, y), WAYPOINT_PX, WAYPOINT_PX)
