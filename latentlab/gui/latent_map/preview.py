"""The map before pyqtgraph is imported: a model's stored picture where the map will draw it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from latentlab.gui.latent_map.pictures import BORDER_PX, draw_image, to_argb, wrap_image
from latentlab.gui.latent_map.view import AXIS_HEIGHT, AXIS_WIDTH, MARGIN, PRIOR_REACH, Range, View
from latentlab.gui.style.theme import current_theme


class MapPreview(QWidget):
    """Paints the stored picture of the manifold, with the same pixels that the map will have.

    Parameters
    ----------
    picture : ndarray of uint8, [H, W] or [H, W, 3], or None
        Its first row is uppermost; None paints an empty plot.
    x_range, y_range
        What the picture covers, in units of the axes.
    """

    def __init__(self, picture: npt.NDArray[np.uint8] | None, x_range: Range, y_range: Range) -> None:
        super().__init__()
        self.setObjectName("mapPreview")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # as the map has it
        self._pixels = None if picture is None else np.ascontiguousarray(to_argb(picture))
        self._x_range, self._y_range = x_range, y_range

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint background, axis lines and picture."""
        colours = current_theme()
        width, height = max(1, self.width() - AXIS_WIDTH - MARGIN), max(1, self.height() - AXIS_HEIGHT - MARGIN)
        prior = (-PRIOR_REACH, PRIOR_REACH)
        view = View.fitted(prior, prior, width, height, self.devicePixelRatioF())
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colours.map)
            painter.setPen(QColor(colours.control))
            painter.drawLine(AXIS_WIDTH - 1, MARGIN - 1, AXIS_WIDTH - 1, MARGIN + height)
            painter.drawLine(AXIS_WIDTH - 1, MARGIN + height + 1, AXIS_WIDTH + width, MARGIN + height + 1)
            if self._pixels is not None:
                painter.setClipRect(AXIS_WIDTH, MARGIN, width, height)
                painter.translate(AXIS_WIDTH - BORDER_PX, MARGIN - BORDER_PX)
                # With the border that the map's layers have: Qt resamples a larger part to other pixels.
                draw_image(painter, view.widened(BORDER_PX), wrap_image(self._pixels), self._x_range, self._y_range)
