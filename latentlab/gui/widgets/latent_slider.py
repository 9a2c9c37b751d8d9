"""The slider of a latent dimension: real values around a marked zero."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from latentlab.gui.style.theme import current_theme
from latentlab.gui.widgets.gesture_id import next_gesture

_STEPS = 1000  # integer steps per unit, for the range that assistive tools see
_RADIUS = 7.0


class LatentSlider(QSlider):
    """A slider of real values around 0.

    A value shown outside the range is kept, with the handle at the end. The user changes the value by dragging,
    clicking, arrow keys (Shift: ten times finer) and the wheel while focused.

    Signals
    -------
    edited(value, gesture)
        The value was changed. All edits between press and release have the same gesture id, as has the zero that a
        double click chooses after its first click.
    resetRequested
        Delete or Backspace was pressed.
    """

    edited = Signal(float, int)
    resetRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._value = 0.0
        self._span = 4.0
        self._gesture: int | None = None  # id of the drag or key press in progress
        self._pressed = 0  # id of the latest press
        self.setRange(-4 * _STEPS, 4 * _STEPS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def is_adjusting(self) -> bool:
        """Whether a drag or a key press is in progress."""
        return self._gesture is not None

    def value(self) -> float:  # type: ignore[override]
        """The value, also outside the range."""
        return self._value

    def setValue(self, value: float) -> None:
        """Choose a value as the user would: it is limited to the range, and ``edited`` is emitted."""
        self._edit(value, next_gesture())

    def show_value(self, value: float) -> None:
        """Show a value without emitting ``edited``."""
        self._value = float(value)
        with QSignalBlocker(self):
            super().setValue(round(max(-self._span, min(self._span, self._value)) * _STEPS))
        self.update()

    def set_span(self, span: float) -> None:
        """Set the range to ``-span`` … ``span``."""
        self._span = float(span)
        value = self._value
        with QSignalBlocker(self):
            self.setRange(-round(span * _STEPS), round(span * _STEPS))
        self.show_value(value)

    def _edit(self, value: float, gesture: int) -> None:
        value = max(-self._span, min(self._span, float(value)))
        if value != self._value:
            self.show_value(value)
            self.edited.emit(value, gesture)

    # --- mouse and keyboard ---------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a drag: the handle jumps to the pointer."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._gesture = self._pressed = next_gesture()
        self.setSliderDown(True)
        self._edit(self._value_at(event.position().x()), self._gesture)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer during a drag."""
        if self._gesture is not None:
            self._edit(self._value_at(event.position().x()), self._gesture)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the drag."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._gesture = None
            self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to zero, in one undo step with the first click."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._edit(0.0, self._pressed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Change by 0.1 (Shift: 0.01) with arrows, by 1 with page keys, to an end with Home and End."""
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        step = 0.01 if fine else 0.1
        key = Qt.Key(event.key())
        moves = {
            Qt.Key.Key_Left: -step,
            Qt.Key.Key_Down: -step,
            Qt.Key.Key_Right: step,
            Qt.Key.Key_Up: step,
            Qt.Key.Key_PageDown: -1.0,
            Qt.Key.Key_PageUp: 1.0,
        }
        if key in moves:
            if self._gesture is None or not event.isAutoRepeat():
                self._gesture = next_gesture()
            self._edit(round(self._value + moves[key], 4), self._gesture)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._edit(-self._span if key == Qt.Key.Key_Home else self._span, next_gesture())
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.resetRequested.emit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """End the key press."""
        if not event.isAutoRepeat():
            self._gesture = None
        super().keyReleaseEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change by 0.1 while focused; otherwise let the panel scroll."""
        notches = event.angleDelta().y() / 120.0
        if self.hasFocus() and notches:
            self._edit(round(self._value + 0.1 * notches, 4), next_gesture())
            event.accept()
        else:
            event.ignore()

    def _value_at(self, x: float) -> float:
        width = max(1.0, self.width() - 2 * _RADIUS)
        return ((x - _RADIUS) / width * 2.0 - 1.0) * self._span

    # --- painting -------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Wide enough for a drag of a hundred pixels."""
        return QSize(120, 22)

    def minimumSizeHint(self) -> QSize:
        """The narrowest usable width."""
        return QSize(56, 22)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the track, the zero mark, the bar from zero to the value, and the handle."""
        colours = current_theme()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            middle = self.height() / 2
            width = self.width() - 2 * _RADIUS
            zero = _RADIUS + width / 2
            share = max(-1.0, min(1.0, self._value / self._span)) if self._span else 0.0
            x = zero + share * width / 2
            enabled = self.isEnabled()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.colour("hover"))
            painter.drawRoundedRect(QRectF(_RADIUS, middle - 2, width, 4), 2, 2)
            painter.setBrush(colours.colour("scroll"))
            painter.drawRect(QRectF(zero - 0.5, middle - 5, 1, 10))
            painter.setBrush(colours.colour("accent" if enabled else "faint"))
            painter.drawRect(QRectF(min(zero, x), middle - 2, abs(x - zero), 4))
            is_highlighted = self.isSliderDown() or self.hasFocus()
            painter.setPen(QPen(colours.colour("text" if is_highlighted else "surface"), 1.5))
            painter.drawEllipse(QPointF(x, middle), _RADIUS - 1, _RADIUS - 1)
