"""uint8 arrays as Qt images, and a widget that paints one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QAccessible, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

ByteArray = NDArray[np.uint8]


def to_qimage(image: ByteArray) -> QImage:
    """A copy of a uint8 array [H, W] or [H, W, 3] as a ``QImage`` of the same size."""
    image = np.ascontiguousarray(image, dtype=np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        image = np.ascontiguousarray(image[..., 0])
    if image.ndim == 2:
        kind, step = QImage.Format.Format_Grayscale8, image.shape[1]
    elif image.ndim == 3 and image.shape[2] == 3:
        kind, step = QImage.Format.Format_RGB888, image.shape[1] * 3
    else:
        raise ValueError(f"an image has the shape [H, W] or [H, W, 3], not {list(image.shape)}")
    return QImage(image.data, image.shape[1], image.shape[0], step, kind).copy()


def to_array(image: QImage) -> ByteArray:
    """A copy of a ``QImage`` as a uint8 array: [H, W] of a grey one, [H, W, 3] of any other."""
    if image.format() != QImage.Format.Format_Grayscale8 and image.format() != QImage.Format.Format_RGB888:
        image = image.convertToFormat(QImage.Format.Format_RGB888)
    channels = 1 if image.format() == QImage.Format.Format_Grayscale8 else 3
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : image.width() * channels].copy()  # lines are padded to four bytes
    return pixels if channels == 1 else pixels.reshape(image.height(), image.width(), 3)


class PixelView(QWidget):
    """Draws one uint8 image as large as fits, with sharp pixels unless ``set_smooth`` is on."""

    ACCESSIBLE_ROLE = QAccessible.Role.Graphic

    def __init__(self, hint: int = 96) -> None:
        super().__init__()
        self._hint = hint
        self._picture: QImage | None = None
        self._smooth = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_picture(self, image: ByteArray | None) -> None:
        """Show this image; ``None`` for none."""
        self._picture = None if image is None else to_qimage(image)
        self.update()

    def picture(self) -> QImage | None:
        """The image shown; ``None`` if there is none."""
        return self._picture

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate between pixels, or keep them sharp squares."""
        self._smooth = smooth
        self.update()

    def target(self) -> QRect:
        """The rectangle the image fills; enlarged at least twice, its scale is an integer unless smooth."""
        if self._picture is None:
            return QRect()
        ratio = self.devicePixelRatioF()
        factor = min(self.width() * ratio / self._picture.width(), self.height() * ratio / self._picture.height())
        if factor >= 2 and not self._smooth:
            factor = int(factor)
        size = QSize(round(self._picture.width() * factor / ratio), round(self._picture.height() * factor / ratio))
        return QRect(QPoint((self.width() - size.width()) // 2, (self.height() - size.height()) // 2), size)

    def sizeHint(self) -> QSize:
        """A square of the hinted side."""
        return QSize(self._hint, self._hint)

    def minimumSizeHint(self) -> QSize:
        """A third of the size hint."""
        return QSize(self._hint // 3, self._hint // 3)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the image."""
        if self._picture is None:
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
            painter.drawImage(self.target(), self._picture)
