"""The latent map: the plane one explores, with everything that is known about it drawn in layers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from latentlab.gui.gestures import next_gesture
from latentlab.gui.latent_map.overlay_panels import PanelledPlot
from latentlab.gui.latent_map.tools import (
    ExploreGesture,
    Gesture,
    PathGesture,
    SelectGesture,
    inside,
)
from latentlab.gui.latent_map.view_box import View

FloatArray = npt.NDArray[np.floating]
VIEW_MS = 90
NUDGE_STEPS = 40
FOLLOW_MARGIN = 28.0  # px from the map's edge
ZOOM_PER_DEGREE = 1.2 ** (1 / 15)
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class LatentMap(PanelledPlot):
    """The live latent map.

    It keeps no truth: it is told by ``set_…`` what to draw and tells by signals what the hand does.
    Points are (x, y) on the shown axes, whatever latent dimensions those stand for. What it draws is told
    by `LayeredPlot`'s methods, what it says over that by `PanelledPlot`'s.

    Signals
    -------
    hovered(object)
        Where the pointer is, float [2]; None when it has left the map.
    committed(object, int)
        A click or drag chose this point, float [2]; the id stays the same during one drag.
    nudged(object, int)
        Arrow keys moved by this much, float [2]; the id stays the same while a key is held.
    viewChanged(object)
        What is in view, a `View`, once it has rested for a moment and now and then while it moves.
    filesDropped(list)
        Paths of files dropped on the map.
    selectionChanged(object)
        Indices of the points chosen in the *select* mode, int64 [k].
    pathEdited(object)
        Waypoints of the path after an edit in the *path* mode, float [n, 2].
    """

    hovered = Signal(object)
    committed = Signal(object, int)
    nudged = Signal(object, int)
    viewChanged = Signal(object)
    filesDropped = Signal(list)
    selectionChanged = Signal(object)
    pathEdited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latentMap")
        self.setAccessibleName("Latent map")
        self.setAccessibleDescription("Move to preview, click or drag to choose a latent, arrow keys to nudge it.")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setAcceptDrops(True)
        self._mode = "explore"
        self._gestures: dict[str, Gesture] = {
            "explore": ExploreGesture(self.committed.emit),
            "select": SelectGesture(self._outline.set_corners, self._select),
            "path": PathGesture(lambda: self._path.points, self._edit_path),
        }
        self._pressed = False
        self._grabbed: QPointF | None = None
        self._held_nudge = 0
        self._told_view: View | None = None
        self._view_timer = QTimer(self)
        self._view_timer.setSingleShot(True)
        self._view_timer.setInterval(VIEW_MS)
        self._view_timer.timeout.connect(self._tell_view)
        self.box.rangeChanged.connect(self._on_view_changed)
        self.box.resized.connect(self._on_view_changed)
        self.pointerCovered.connect(self._on_pointer_left)
        self.set_axes_names("z₁", "z₂")
        self.set_mode("explore")

    # --- where things are -------------------------------------------------------------------------------------

    def view(self) -> View:
        """What is in view now."""
        return self.box.view()

    def z_to_pixel(self, z: npt.ArrayLike) -> QPointF:
        """Where a point (x, y) of the shown axes lies, in pixels of ``viewport()``."""
        pixel = self.view().to_pixel(np.asarray(z, float)[:2])
        corner = self.box.mapToScene(QPointF(0, 0))
        return QPointF(float(pixel[0]) + corner.x(), float(pixel[1]) + corner.y())

    def pixel_to_z(self, point: QPoint | QPointF) -> FloatArray:
        """What point (x, y) of the shown axes lies under a pixel of ``viewport()``, float [2]."""
        return self.view().from_pixel(self._in_box(QPointF(point)))

    def _in_box(self, point: QPointF) -> FloatArray:
        inner = self.box.mapFromScene(point)
        return np.array([inner.x(), inner.y()])

    def _is_over_map(self, point: QPointF) -> bool:
        return bool(self.box.rect().contains(self.box.mapFromScene(point)))

    def follow(self, xy: npt.ArrayLike) -> None:
        """Bring a point (x, y) into view, panning no farther than needed; not while the hand is on the map."""
        if not self._pressed and self._grabbed is None:
            self.box.bring_into_view(xy, FOLLOW_MARGIN)

    # --- what is in view --------------------------------------------------------------------------------------

    def _on_view_changed(self) -> None:
        if not self._view_timer.isActive():
            self._view_timer.start()

    def _tell_view(self) -> None:
        view = self.view()
        if view != self._told_view:
            self._told_view = view
            self.viewChanged.emit(view)

    # --- the hand ---------------------------------------------------------------------------------------------

    def set_mode(self, mode: str) -> None:
        """Say what the left button does: ``"explore"``, ``"select"`` or ``"path"``."""
        if mode not in self._gestures:
            raise ValueError(f"no mode is called {mode!r}")
        self._mode = mode
        self._outline.set_corners(None)
        self.viewport().setCursor(self._gestures[mode].cursor)

    def mode(self) -> str:
        """What the left button does now."""
        return self._mode

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a gesture with the left button, a pan with the right or the middle one."""
        event.accept()
        if not self._is_over_map(event.position()):
            return
        self.close_layer_panel()
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = True
            self._gestures[self._mode].press(self._in_box(event.position()), self.view(), event.modifiers())
        elif event.button() in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            self._grabbed = event.position()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with the gesture or the pan, and say where the pointer is."""
        event.accept()
        position = event.position()
        if self._grabbed is not None:
            moved = position - self._grabbed
            self._grabbed = position
            self.box.pan(moved.x(), moved.y())
        elif self._pressed:
            self._gestures[self._mode].drag(self._in_box(position), self.view(), event.modifiers())
        elif self._is_over_map(position):
            self.hovered.emit(self.pixel_to_z(position))
        else:
            self._on_pointer_left()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the gesture or the pan."""
        event.accept()
        if event.button() == Qt.MouseButton.LeftButton and self._pressed:
            self._pressed = False
            self._gestures[self._mode].release(self._in_box(event.position()), self.view(), event.modifiers())
        elif self._grabbed is not None:
            self._grabbed = None
            self.viewport().setCursor(self._gestures[self._mode].cursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take the second press of a double click as a press."""
        self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the pointer."""
        event.accept()
        turned = event.angleDelta().y() or event.angleDelta().x()
        self.box.zoom(ZOOM_PER_DEGREE ** (turned / 8), self.pixel_to_z(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Nudge with the arrows (Shift: ten times finer), zoom with plus and minus, show all with Home."""
        key = event.key()
        if key in _ARROWS:
            view = self.view()
            step = (view.y_max - view.y_min) / NUDGE_STEPS
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                step /= 10
            if not event.isAutoRepeat() or not self._held_nudge:
                self._held_nudge = next_gesture()
            self.nudged.emit(np.array(_ARROWS[Qt.Key(key)], float) * step, self._held_nudge)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            view = self.view()
            middle = ((view.x_min + view.x_max) / 2, (view.y_min + view.y_max) / 2)
            self.box.zoom(1 / 1.2 if key == Qt.Key.Key_Minus else 1.2, middle)
        elif key == Qt.Key.Key_Home:
            self.fit_to_points()
        elif key == Qt.Key.Key_Escape and self.close_layer_panel():
            pass
        elif not self._gestures[self._mode].key(key):
            event.ignore()

    def viewportEvent(self, event: QEvent) -> bool:
        """Notice the pointer leaving, and zoom with two fingers."""
        if event.type() == QEvent.Type.Leave:
            self._on_pointer_left()
        elif isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.box.zoom(1.0 + event.value(), self.pixel_to_z(event.position()))
            return True
        return bool(super().viewportEvent(event))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Welcome files anywhere on the map."""
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Say which files were dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.filesDropped.emit(paths)

    def _on_pointer_left(self) -> None:
        self.hovered.emit(None)

    def _select(self, corners: FloatArray, view: View) -> None:
        chosen = np.flatnonzero(inside(corners, self._points.xy, view) & self._points.shown)
        self._points.set_selected(chosen)
        self.selectionChanged.emit(chosen)

    def _edit_path(self, points: FloatArray) -> None:
        self._path.set_points(points)
        self.pathEdited.emit(points)
