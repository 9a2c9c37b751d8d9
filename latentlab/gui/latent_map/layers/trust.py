"""Where the decoded manifold cannot be trusted, because no point is near."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from latentlab.gui.latent_map.coverage import Coverage
from latentlab.gui.latent_map.layers.image import ImageLayer
from latentlab.gui.latent_map.pictures import draw_image, wrap_image
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
STRENGTH = 0.62
EDGE_CELLS = 6


class TrustLayer(ImageLayer):
    """Dims the manifold far from all points: the model has not seen what is decoded there.

    Parameters
    ----------
    extent : callable
        Returns what part of a view the manifold covers; nothing else is dimmed.
    """

    name = "trust"
    title = "Dimming far from data"
    opacity_at_first = 0.8
    needs_coverage = True

    def __init__(self, extent: Callable[[View], QPainterPath]) -> None:
        super().__init__()
        self._extent = extent
        self._coverage: Coverage | None = None
        self._pixels: npt.NDArray[np.uint32] = np.zeros((1, 1), np.uint32)

    def set_coverage(self, coverage: Coverage | None) -> None:
        """Dim what is far from these points; None dims nothing."""
        self._coverage = coverage
        if coverage is not None:
            # Full strength at the edge of the grid, so that there is no seam to the area beyond it.
            farness = coverage.farness()
            to_edge = np.minimum.outer(_to_edge(farness.shape[0]), _to_edge(farness.shape[1]))
            strength = STRENGTH * np.maximum(farness, np.clip(1 - to_edge / EDGE_CELLS, 0, 1))
            self._pixels = np.round(255 * strength).astype(np.uint32) << np.uint32(24)  # black, only alpha
        self.redraw()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._coverage is None

    def render(self, painter: QPainter, view: View) -> None:
        """Dim by distance within the points' extent, and fully beyond it."""
        if self._coverage is None:
            return
        x_range, y_range = self._coverage.x_range, self._coverage.y_range
        covered = self._extent(view)
        painter.setClipPath(covered, Qt.ClipOperation.IntersectClip)
        draw_image(painter, view, wrap_image(self._pixels), x_range, y_range)
        measured = QPainterPath()
        measured.addRect(view.rectangle(x_range, y_range))
        beyond = QColor(0, 0, 0)
        beyond.setAlphaF(STRENGTH)
        painter.fillPath(covered.subtracted(measured), beyond)


def _to_edge(count: int) -> FloatArray:
    """Distance of each cell from the nearer end, in cells: [count]."""
    index = np.arange(count)
    return np.minimum(index, index[::-1]).astype(float)
