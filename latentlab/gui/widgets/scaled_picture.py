"""A picture that is as wide as there is room, but not wider than itself."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget


class ScaledPicture(QWidget):
    """Shows a picture, scaled down to its width."""

    def __init__(self, picture: QPixmap | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QPixmap() if picture is None else picture
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_picture(self, picture: QPixmap) -> None:
        """Show another picture."""
        self._picture = picture
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """It keeps its shape."""
        return True

    def heightForWidth(self, width: int) -> int:
        """The height of the picture at this width."""
        if self._picture.isNull():
            return 0
        size = self._picture.size()
        return round(size.height() * min(width, size.width()) / size.width())

    def sizeHint(self) -> QSize:
        """The picture's own size."""
        return self._picture.size()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it at the left."""
        if self._picture.isNull():
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            width = min(self.width(), self._picture.width())
            target = QRect(0, 0, width, self.heightForWidth(width))
            painter.drawPixmap(target, self._picture)
