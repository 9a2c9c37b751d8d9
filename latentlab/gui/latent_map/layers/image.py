"""Layers that are images: a pan moves the drawn image, and a redraw draws it exactly."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.pictures import BORDER_PX
from latentlab.gui.latent_map.view import View
from latentlab.gui.style.theme import Theme
from latentlab.gui.widgets.debouncer import Debouncer

REST_MS = 40
"""After so long without a change an image that was moved by a part of a pixel is redrawn."""


class ImageLayer(Layer):
    """A layer that keeps what it has drawn for a view and a border round it.

    A pan within the border moves the kept image by whole device pixels; a zoom, or ``redraw``, redraws it. While the
    view zooms, when nothing of it can be used again, it is drawn without the border.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: tuple[View, QPixmap | QImage] | None = None
        self._scale = 0.0  # of the view that was drawn last
        self._redraw_at_rest = Debouncer(REST_MS, self.redraw, self)

    def redraw(self) -> None:
        """Redraw with the next paint."""
        self._kept = None
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        super().set_theme(theme)
        self.redraw()

    def render(self, painter: QPainter, view: View) -> None:
        """Draw all of a view on a transparent background, in logical pixels from its top left corner."""
        raise NotImplementedError

    def draw_exactly(self, painter: QPainter, view: View) -> None:
        """Paint in full for a picture of another size, without what is kept for the screen."""
        self.render(painter, view)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the kept image where it belongs in this view."""
        if self._kept is None or not _reaches(self._kept[0], view):
            is_zooming = self._scale > 0 and abs(view.scale - self._scale) > 1e-9 * view.scale
            drawn = view if is_zooming else view.widened(BORDER_PX)
            self._kept, self._scale = (drawn, self._rendered(drawn)), view.scale
            if is_zooming:
                self._redraw_at_rest.debounce()
        drawn, kept = self._kept
        corner = view.point((drawn.x_min, drawn.y_max)) * view.ratio
        whole = QPointF(round(corner.x()), round(corner.y()))
        if isinstance(kept, QImage):
            painter.drawImage(whole / view.ratio, kept)
        else:
            painter.drawPixmap(whole / view.ratio, kept)
        if (corner - whole).manhattanLength() > 0.02:
            self._redraw_at_rest.debounce()

    def _rendered(self, view: View) -> QPixmap | QImage:
        pixmap = QPixmap(round(view.width_px * view.ratio), round(view.height_px * view.ratio))
        pixmap.setDevicePixelRatio(view.ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.render(painter, view)
        painter.end()
        return pixmap


def _reaches(drawn: View, view: View) -> bool:
    """Whether what was drawn shows all of a view at its own scale."""
    if drawn.ratio != view.ratio or abs(drawn.scale - view.scale) > 1e-9 * view.scale:
        return False
    slack = 1e-9 * (view.x_max - view.x_min)
    return (
        drawn.x_min <= view.x_min + slack
        and drawn.x_max >= view.x_max - slack
        and drawn.y_min <= view.y_min + slack
        and drawn.y_max >= view.y_max - slack
    )
