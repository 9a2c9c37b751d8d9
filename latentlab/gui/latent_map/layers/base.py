"""What every layer of the latent map shares: it paints in the view's pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QGraphicsObject, QStyleOptionGraphicsItem, QWidget

from latentlab.gui.colours import DARK, Theme
from latentlab.gui.latent_map.view_box import MapViewBox, View


class PixelLayer(QGraphicsObject):
    """A layer that fills the view and paints in its logical pixels, whatever is in view.

    Items in the axes' coordinates would be transformed, and their pens and pictures with them;
    here a pixel stays a pixel, and a picture drawn for this view is copied, not resampled.

    A layer that is costly to paint may be ``kept``: what it has drawn stays until ``update``, so that under a drag only
    the marks that move are painted anew. Keeping costs a copy in every frame that pans or zooms.
    """

    kept = False

    def __init__(self, box: MapViewBox, z_value: float) -> None:
        super().__init__(box)
        self._box = box
        self._whole = box.rect()
        self.theme: Theme = DARK
        self.setZValue(z_value)
        if self.kept:
            self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        box.rangeChanged.connect(self.on_view_changed)
        box.resized.connect(self._on_box_resized)

    def view(self) -> View:
        """What is in view now."""
        return self._box.view()

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        self.theme = theme
        self.update()

    def on_view_changed(self) -> None:
        """Zoomed, panned or resized: everything is painted again."""
        self.update()

    def _on_box_resized(self) -> None:
        self.prepareGeometryChange()
        self._whole = self._box.rect()
        self.on_view_changed()

    def boundingRect(self) -> QRectF:
        """The whole view; Qt asks every layer many times for each frame."""
        return self._whole

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint the layer as it looks in this view."""
        if self.is_blank():
            return
        painter.save()
        # The box clips its children half a pixel too late on its lower and right edges.
        painter.setClipRect(self.boundingRect(), Qt.ClipOperation.IntersectClip)
        self.draw(painter, self.view())
        painter.restore()

    def is_blank(self) -> bool:
        """Whether there is nothing to paint: every move of the hand asks all layers."""
        return False

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint in logical pixels from the view's top left corner."""
        raise NotImplementedError


def rectangle(view: View, x_range: tuple[float, float], y_range: tuple[float, float]) -> QRectF:
    """Where a rectangle of the axes lies in the view, in logical pixels."""
    left, top = view.to_pixel((x_range[0], y_range[1]))
    right, bottom = view.to_pixel((x_range[1], y_range[0]))
    return QRectF(float(left), float(top), float(right - left), float(bottom - top))


def wrap_image(pixels: npt.NDArray[np.uint32]) -> QImage:
    """Let Qt read premultiplied ARGB pixels, uint32 [H, W] contiguous, in place: keep the array alive."""
    height, width = pixels.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
