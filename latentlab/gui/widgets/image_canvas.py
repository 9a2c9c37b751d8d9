"""An image that is painted on, or of which a part is hidden, with mouse or keyboard."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QColor,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)

from latentlab.gui.style.theme import current_theme
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.gui.widgets.qimage import ByteArray, PixelView, to_array, to_qimage

VIEW, PAINT, HIDE = "view", "paint", "hide"
_HIDDEN_OPACITY = 170  # of 255
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class ImageCanvas(PixelView):
    """Shows an image, and a hidden region above it; a brush changes either.

    The brush paints on the image at its own size, so that what is seen is what the model reads. With the keyboard the
    arrows move the brush by its radius (Shift: by a pixel), and Space puts it down and lifts it.

    Signals
    -------
    painted(stroke)
        The image was changed by the stroke of this id.
    hiddenChanged(stroke)
        The hidden region was changed.
    """

    ACCESSIBLE_ROLE = QAccessible.Role.Canvas

    painted = Signal(int)
    hiddenChanged = Signal(int)

    def __init__(self, hint: int = 200) -> None:
        super().__init__(hint)
        self._mask: QImage | None = None  # white where hidden; as large as the picture
        self._mode = VIEW
        self._brush = 2.0
        self._colour, self._paper = QColor("white"), QColor("black")
        self._erases = False
        self._stroke = 0  # id of the stroke that is being made; 0 for none
        self._at: QPointF | None = None  # the brush, in pixels of the image
        self._is_shown = False  # whether the brush is outlined
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # --- what is shown --------------------------------------------------------------------------

    def set_picture(self, image: ByteArray | None) -> None:
        """Show this image; a hidden region of another size is removed."""
        picture = None if image is None else to_qimage(image)
        if picture is None or (self._mask is not None and self._mask.size() != picture.size()):
            self._mask = None
        self._picture = picture
        self.update()

    def pixels(self) -> ByteArray | None:
        """The image shown, uint8 [H, W] or [H, W, 3]."""
        return None if self._picture is None else to_array(self._picture)

    def set_hidden(self, hidden: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None) -> None:
        """Show the hidden region, bool [H, W]."""
        self._mask = None if hidden is None else to_qimage(np.where(hidden, np.uint8(255), np.uint8(0)))
        self.update()

    def hidden(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
        """The hidden region, bool [H, W]; ``None`` if nothing is hidden."""
        if self._mask is None:
            return None
        hidden = to_array(self._mask) > 127
        return hidden if hidden.any() else None

    # --- the brush ------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """``view``, ``paint`` or ``hide``."""
        return self._mode

    def set_mode(self, mode: str) -> None:
        """View the image, paint on it, or hide a part of it."""
        self._mode, self._stroke = mode, 0
        self._at = None
        self.setCursor(Qt.CursorShape.ArrowCursor if mode == VIEW else Qt.CursorShape.CrossCursor)
        self.update()

    def set_brush(self, diameter: float) -> None:
        """Set the brush's diameter in pixels of the image."""
        self._brush = diameter
        self.update()

    def set_colours(self, colour: QColor, paper: QColor) -> None:
        """Set what the brush paints, and what the eraser leaves."""
        self._colour, self._paper = colour, paper

    def set_erases(self, erases: bool) -> None:
        """Erase, or show again what is hidden, instead of painting and hiding."""
        self._erases = erases

    def clear(self) -> None:
        """Fill the image with the paper's colour; in the mode ``hide`` show everything again."""
        if self._picture is None:
            return
        if self._mode == HIDE:
            self._mask = None
            self.hiddenChanged.emit(next_gesture())
        else:
            self._picture.fill(self._paper)
            self.painted.emit(next_gesture())
        self.update()

    def hide_half(self) -> None:
        """Hide the lower half."""
        if self._picture is None:
            return
        self._mask = self._new_mask()
        height, width = self._picture.height(), self._picture.width()
        painter = QPainter(self._mask)
        painter.fillRect(0, height // 2, width, height - height // 2, Qt.GlobalColor.white)
        painter.end()
        self.update()
        self.hiddenChanged.emit(next_gesture())

    def _new_mask(self) -> QImage:
        assert self._picture is not None
        mask = QImage(self._picture.size(), QImage.Format.Format_Grayscale8)
        mask.fill(0)
        return mask

    def _line_to(self, point: QPointF) -> None:
        """Draw a line from where the brush is."""
        if self._picture is None:
            return
        start = point if self._at is None else self._at
        if self._mode == PAINT:
            colour, target = self._paper if self._erases else self._colour, self._picture
        else:
            self._mask = self._mask or self._new_mask()
            colour, target = QColor("black" if self._erases else "white"), self._mask
        painter = QPainter(target)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self._brush if self._mode == PAINT else max(1.0, self._brush)
        painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        if start == point:
            painter.drawPoint(point)
        else:
            painter.drawLine(start, point)
        painter.end()
        self._at = point
        self.update()
        (self.painted if self._mode == PAINT else self.hiddenChanged).emit(self._stroke)

    def _to_image(self, position: QPointF) -> QPointF:
        """A position in the widget in pixels of the image."""
        target = QRectF(self.target())
        if self._picture is None or target.isEmpty():
            return QPointF()
        scale = self._picture.width() / target.width()
        return QPointF((position.x() - target.x()) * scale, (position.y() - target.y()) * scale)

    # --- events ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        if self._mode == VIEW or event.button() != Qt.MouseButton.LeftButton or self._picture is None:
            super().mousePressEvent(event)
            return
        self._stroke, self._at = next_gesture(), None
        self._line_to(self._to_image(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a stroke, and outline the brush."""
        if self._mode == VIEW:
            super().mouseMoveEvent(event)
            return
        self._is_shown = True
        point = self._to_image(event.position())
        if self._stroke and event.buttons() & Qt.MouseButton.LeftButton:
            self._line_to(point)
        else:
            self._at = point
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a stroke."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._stroke = 0
        super().mouseReleaseEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Outline the brush."""
        self._is_shown = self._mode != VIEW
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Stop outlining the brush."""
        self._is_shown = self.hasFocus() and self._at is not None
        self.update()
        super().leaveEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Lift the brush."""
        self._stroke = 0
        self._is_shown = self.underMouse()
        self.update()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the brush with the arrows, put it down and lift it with Space."""
        step = _ARROWS.get(Qt.Key(event.key()))
        if self._mode == VIEW or self._picture is None or (step is None and event.key() != Qt.Key.Key_Space):
            super().keyPressEvent(event)
            return
        self._is_shown = True
        width, height = self._picture.width(), self._picture.height()
        here = QPointF(width / 2, height / 2) if self._at is None else self._at
        if step is None:
            if event.isAutoRepeat():
                return
            self._stroke = 0 if self._stroke else next_gesture()
            self._at = here
            if self._stroke:
                self._line_to(here)
        else:
            is_fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            length = 1.0 if is_fine else max(1.0, self._brush / 2)
            there = QPointF(
                min(max(0.0, here.x() + step[0] * length), width), min(max(0.0, here.y() + step[1] * length), height)
            )
            if self._stroke:
                self._line_to(there)
            self._at = there
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the image, the hidden region above it, and the outline of the brush."""
        super().paintEvent(event)
        if self._picture is None:
            return
        with QPainter(self) as painter:
            target = self.target()
            theme = current_theme()
            if self._mask is not None:
                cover = QImage(self._mask.size(), QImage.Format.Format_ARGB32)
                cover.fill(theme.colour("mark"))
                cover.setAlphaChannel(self._mask)
                painter.setOpacity(_HIDDEN_OPACITY / 255)
                painter.drawImage(target, cover)
                painter.setOpacity(1.0)
            if self._mode != VIEW:
                painter.setPen(QPen(theme.colour("accent"), 1))
                painter.drawRect(target.adjusted(0, 0, -1, -1))
            if self._is_shown and self._at is not None and self._mode != VIEW:
                self._outline_brush(painter)

    def _outline_brush(self, painter: QPainter) -> None:
        assert self._picture is not None
        assert self._at is not None
        target = self.target()
        scale = target.width() / self._picture.width()
        centre = QPointF(target.x() + self._at.x() * scale, target.y() + self._at.y() * scale)
        radius = max(2.0, self._brush / 2 * scale)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Two outlines, so that one is seen on any image.
        for colour, by in (("black", 0.5), ("white", -0.5)):
            painter.setPen(QPen(QColor(colour), 1))
            painter.drawEllipse(centre, radius + by, radius + by)
