"""The committed latent and the previewed one: marks that move with the pointer and repaint only where they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from latentlab.gui.latent_map.layers.base import Layer
from latentlab.gui.latent_map.layers.strokes import stroke
from latentlab.gui.latent_map.view import View
from latentlab.gui.style.theme import Theme

FloatArray = npt.NDArray[np.floating]
RING_PX = 8.0
TICK_PX = 7.0
PREVIEW_PX = 4.5
PICK_PX = 7.0


class Mark(Layer):
    """A mark at one point of the axes; moving it repaints only where it was and where it is."""

    reach = RING_PX + TICK_PX + 4.0

    def __init__(self) -> None:
        super().__init__()
        self._xy: FloatArray | None = None

    def set_position(self, xy: npt.ArrayLike | None) -> None:
        """Put the mark on the point (x, y); None removes it."""
        before = self._areas()
        self._xy = None if xy is None else np.asarray(xy, float).reshape(2)
        scene = self.scene()
        for area in (*before, *self._areas()):
            # The scene's update, not the item's: that one unites the areas, and hairlines that cross would have
            # the whole map painted for every move.
            scene.update(self.mapRectToScene(area))

    @property
    def position(self) -> FloatArray | None:
        """Where it is, float [2] on the axes; ``None`` if it is not shown."""
        return self._xy

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._xy is None

    def _areas(self) -> list[QRectF]:
        """What the mark covers, in logical pixels."""
        if self._xy is None:
            return []
        centre = self.view().point(self._xy)
        return [QRectF(centre.x() - self.reach, centre.y() - self.reach, 2 * self.reach, 2 * self.reach)]


class Preview(Mark):
    """The previewed latent: a small ring in the accent colour."""

    reach = PREVIEW_PX + 4.0

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the ring."""
        if self._xy is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addEllipse(view.point(self._xy), PREVIEW_PX, PREVIEW_PX)
        stroke(painter, path, self.theme.mark, 1.6)


class PickMark(Mark):
    """The data point that a click would pick: a ring round its marker, white on a dark shade."""

    reach = PICK_PX + 4.0

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the ring."""
        if self._xy is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addEllipse(view.point(self._xy), PICK_PX, PICK_PX)
        stroke(painter, path, "#ffffff", 1.6)


class CursorLayer(Mark):
    """The committed latent: a ring with four ticks, and hairlines that lead to the axes.

    Attributes
    ----------
    preview : Preview
        The mark of the previewed latent, switched and faded together with the cursor.
    pick : PickMark
        The mark of the data point that a click would pick, likewise.
    """

    name = "cursor"
    title = "Cursor"

    def __init__(self) -> None:
        super().__init__()
        self.preview = Preview()
        self.preview.setParentItem(self)
        self.pick = PickMark()
        self.pick.setParentItem(self)

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours from now on."""
        super().set_theme(theme)
        self.preview.set_theme(theme)
        self.pick.set_theme(theme)

    def _areas(self) -> list[QRectF]:
        near = super()._areas()
        if not near:
            return []
        centre, whole = near[0].center(), self.boundingRect()
        across = QRectF(0, centre.y() - 2, whole.width(), 4)
        down = QRectF(centre.x() - 2, 0, 4, whole.height())
        return [*near, across, down]

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint hairlines, then the ring."""
        if self._xy is None:
            return
        centre = view.point(self._xy)
        x, y, gap = centre.x(), centre.y(), RING_PX + TICK_PX
        # Filled, not stroked: a pen takes Qt five times as long.
        left, top = int(np.floor(x)), int(np.floor(y))
        before, after, above, below = (int(np.floor(edge)) for edge in (x - gap, x + gap, y - gap, y + gap))
        for colour, offset in ((QColor(0, 0, 0, 70), 1), (QColor(255, 255, 255, 80), 0)):
            painter.fillRect(0, top + offset, before, 1, colour)
            painter.fillRect(after, top + offset, view.width_px - after, 1, colour)
            painter.fillRect(left + offset, 0, 1, above, colour)
            painter.fillRect(left + offset, below, 1, view.height_px - below, colour)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addEllipse(centre, RING_PX, RING_PX)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            path.moveTo(x + dx * (RING_PX - 3), y + dy * (RING_PX - 3))
            path.lineTo(x + dx * (RING_PX + TICK_PX - 2), y + dy * (RING_PX + TICK_PX - 2))
        stroke(painter, path, "#ffffff", 2.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.mark))
        painter.drawEllipse(centre, 2.2, 2.2)
