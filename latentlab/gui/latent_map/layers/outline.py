"""The outline that the select tool draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import polygon, stroke
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
_BESIDE_PX = 12


class SelectionOutline(Layer):
    """A lasso or rectangle while it is being drawn; no layer of its own that the user could switch."""

    def __init__(self) -> None:
        super().__init__()
        self._corners: FloatArray = np.zeros((0, 2))
        self._text = ""

    def set_corners(self, corners: npt.ArrayLike | None) -> None:
        """Draw a closed outline through these points [n, 2] of the axes; None removes it."""
        self._corners = np.zeros((0, 2)) if corners is None else np.asarray(corners, float).reshape(-1, 2)
        if corners is None:
            self._text = ""
        self.update()

    def set_text(self, text: str) -> None:
        """Write how many points are inside beside the last corner, until the outline is removed."""
        self._text = text
        self.update()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return len(self._corners) < 2

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the outline and a tint inside it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pixels = view.to_pixel(self._corners)
        path = QPainterPath()
        path.addPolygon(polygon(pixels))
        path.closeSubpath()
        tint = QColor(self.theme.mark)
        tint.setAlpha(36)
        painter.fillPath(path, tint)
        stroke(painter, path, self.theme.mark, 1.5)
        if self._text:
            self._draw_text(painter, view, pixels[-1])

    def _draw_text(self, painter: QPainter, view: View, pixel: FloatArray) -> None:
        """Write the text on a ground, beside a pixel and inside the view."""
        size = painter.fontMetrics().size(0, self._text)
        box = QRectF(pixel[0] + _BESIDE_PX, pixel[1] + _BESIDE_PX, size.width() + 10, size.height() + 4)
        box.moveRight(min(box.right(), view.width_px - 2))
        box.moveBottom(min(box.bottom(), view.height_px - 2))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.colour("raised", 235))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(self.theme.colour("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._text)
