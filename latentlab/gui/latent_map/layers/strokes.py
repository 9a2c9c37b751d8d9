"""Lines that show on dark and on light grounds, for the marks over the map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

SHADE = QColor(0, 0, 0, 170)


def stroke(painter: QPainter, path: QPainterPath, colour: QColor | str, width: float) -> None:
    """Draw a line in a colour over a wider dark shade."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for tint, size in ((SHADE, width + 2.0), (QColor(colour), width)):
        pen = QPen(tint, size)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPath(path)


def polygon(pixels: npt.NDArray[np.floating]) -> QPolygonF:
    """Make a polygon of points [n, 2]."""
    return QPolygonF([QPointF(float(x), float(y)) for x, y in pixels])
