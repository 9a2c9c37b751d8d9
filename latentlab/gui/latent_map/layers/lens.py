"""The picture under the pointer, enlarged beside its point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from latentlab.gui.latent_map.layers.cursor import Mark
from latentlab.gui.latent_map.view import View
from latentlab.gui.widgets.qimage import to_qimage

ByteArray = npt.NDArray[np.uint8]
SIDE_PX = 128
OFFSET_PX = 30.0  # from the point, so that the pictures around it stay in sight
BORDER_PX = 2.0


class Lens(Mark):
    """An enlarged picture beside a point, on the side where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None

    def show_picture(self, picture: ByteArray | None, xy: npt.ArrayLike | None) -> None:
        """Show a picture, uint8 [h, w] or [h, w, 3], beside the point (x, y); None for either removes it."""
        if picture is None or xy is None:
            if self._image is None:
                return
            self.set_position(None)
            self._image = None
            return
        image, size = to_qimage(picture), QSize(SIDE_PX, SIDE_PX)
        # Few pixels are shown as squares, as in the decoded image.
        is_small = max(image.width(), image.height()) * 2 <= SIDE_PX
        mode = Qt.TransformationMode.FastTransformation if is_small else Qt.TransformationMode.SmoothTransformation
        self._image = image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, mode)
        self.set_position(xy)

    def is_blank(self) -> bool:
        """Whether there is nothing to paint."""
        return self._image is None or super().is_blank()

    def _areas(self) -> list[QRectF]:
        if self._xy is None or self._image is None:
            return []
        return [self._target(self.view(), self._image).adjusted(-BORDER_PX, -BORDER_PX, BORDER_PX, BORDER_PX)]

    def _target(self, view: View, image: QImage) -> QRectF:
        """Where the picture is drawn: above and to the right of its point, or where that is outside, opposite."""
        assert self._xy is not None
        point, width, height = view.point(self._xy), image.width(), image.height()
        left, top = point.x() + OFFSET_PX, point.y() - OFFSET_PX - height
        if left + width > view.width_px - BORDER_PX:
            left = point.x() - OFFSET_PX - width
        if top < BORDER_PX:
            top = point.y() + OFFSET_PX
        return QRectF(round(left), round(top), width, height)

    def draw(self, painter: QPainter, view: View) -> None:
        """Paint the picture and a border."""
        if self._xy is None or self._image is None:
            return
        target = self._target(view, self._image)
        painter.fillRect(target.adjusted(-BORDER_PX, -BORDER_PX, BORDER_PX, BORDER_PX), QColor(self.theme.mark))
        painter.drawImage(target.topLeft(), self._image)
