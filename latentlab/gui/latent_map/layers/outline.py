"""The outline that the select tool draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import polygon, stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]


class SelectionOutline(Layer):
    """A lasso or rectangle while it is being drawn; no layer of its own that the user could switch."""

    def __init__(self) -> None:
        super().__init__()
        self._corners: FloatArray = np.zeros((0, 2))

    def set_corners(self, corners: npt.ArrayLike | None) -> None:
        """Draw a closed outline through these logical pixels [n, 2] of the view; None removes it."""
        self._corners = np.zeros((0, 2)) if corners is None else np.asarray(corners, float).reshape(-1, 2)
        self.update()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return len(self._corners) < 2

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the outline and a tint inside it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addPolygon(polygon(self._corners))
        path.closeSubpath()
        tint = QColor(self.theme.mark)
        tint.setAlpha(36)
        painter.fillPath(path, tint)
        stroke(painter, path, self.theme.mark, 1.5)
