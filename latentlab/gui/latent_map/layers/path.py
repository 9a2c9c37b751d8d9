"""A path through latent space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import SHADE, polygon, stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
WAYPOINT_PX = 5.0


class PathLayer(Layer):
    """The waypoints of a path in order, and the line between them; the first is filled."""

    name = "path"
    title = "Path"

    def __init__(self) -> None:
        super().__init__()
        self._points: FloatArray = np.zeros((0, 2))

    @property
    def points(self) -> FloatArray:
        """The waypoints [n, 2]."""
        return self._points

    def set_points(self, points: npt.ArrayLike | None) -> None:
        """Draw a path through these waypoints [n, 2]; None or none of them removes it."""
        self._points = np.zeros((0, 2)) if points is None else np.asarray(points, float).reshape(-1, 2)
        self.update()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._points)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the line, then the waypoints."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pixels = view.to_pixel(self._points)
        line = QPainterPath()
        line.addPolygon(polygon(pixels))
        stroke(painter, line, self.theme.mark, 2.0)
        for number, (x, y) in enumerate(pixels):
            painter.setPen(QPen(SHADE, 1.5))
            painter.setBrush(QColor(self.theme.mark if number == 0 else "#ffffff"))
            painter.drawEllipse(QPointF(x, y), WAYPOINT_PX, WAYPOINT_PX)
