"""The data points nearest to the latent shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPainterPath

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
RING_PX = 5.5


class NeighboursLayer(Layer):
    """A ring round each of some points; new ones repaint only where rings were and are."""

    name = "neighbours"
    title = "Nearest images"

    def __init__(self) -> None:
        super().__init__()
        self._points: FloatArray = np.zeros((0, 2))

    @property
    def points(self) -> FloatArray:
        """The points [k, 2]."""
        return self._points

    def set_points(self, points: npt.ArrayLike | None) -> None:
        """Mark these points [k, 2]; None or none of them removes the marks."""
        before = self._areas()
        self._points = np.zeros((0, 2)) if points is None else np.asarray(points, float).reshape(-1, 2)
        for area in (*before, *self._areas()):
            self.scene().update(self.mapRectToScene(area))

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return not len(self._points)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the rings."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        for point in self._points:
            path.addEllipse(view.point(point), RING_PX, RING_PX)
        stroke(painter, path, "#ffffff", 1.4)

    def _areas(self) -> list[QRectF]:
        """What the rings cover, in logical pixels."""
        reach = RING_PX + 3.0
        centres = [self.view().point(point) for point in self._points]
        return [QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach) for at in centres]
