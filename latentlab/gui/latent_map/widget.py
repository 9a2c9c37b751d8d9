"""The latent map: the plane one explores, with everything that is known about it drawn in layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    QPalette,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from latentlab.gui.colours import theme
from latentlab.gui.latent_map.gestures import (
    ExploreGesture,
    Gesture,
    PathGesture,
    SelectGesture,
    inside,
    next_gesture,
)
from latentlab.gui.latent_map.manifold import ManifoldLayer
from latentlab.gui.latent_map.overlays import CursorLayer, OutlineLayer, PathLayer, PosteriorLayer, PreviewLayer
from latentlab.gui.latent_map.plot import MapPlot
from latentlab.gui.latent_map.points import PointsLayer
from latentlab.gui.latent_map.view import PRIOR_REACH, View

FloatArray = npt.NDArray[np.floating]
Range = tuple[float, float]
VIEW_MS = 90
NUDGE_STEPS = 40
ZOOM_PER_DEGREE = 1.2 ** (1 / 15)
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class LatentMap(MapPlot):
    """The live latent map.

    It keeps no truth: it is told by ``set_…`` what to draw and tells by signals what the hand does.
    Points are (x, y) on the shown axes, whatever latent dimensions those stand for.

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
        self._manifold = ManifoldLayer(self.box, 0)
        self._points = PointsLayer(self.box, 30)
        self._posterior = PosteriorLayer(self.box, 40)
        self._path = PathLayer(self.box, 50)
        self._outline = OutlineLayer(self.box, 55)
        self._preview = PreviewLayer(self.box, 60)
        self._cursor = CursorLayer(self.box, 70)
        self._mode = "explore"
        self._gestures: dict[str, Gesture] = {
            "explore": ExploreGesture(lambda xy, gesture: self.committed.emit(xy, gesture)),
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
        self.box.sigRangeChanged.connect(self._on_view_changed)
        self.box.sigResized.connect(self._on_view_changed)
        self._own_theme: bool | None = None
        self._apply_palette()
        self.set_axes_names("z₁", "z₂")
        self.set_mode("explore")

    # --- where things are -------------------------------------------------------------------------------------

    def view(self) -> View:
        """What is in view now."""
        return self.box.view()

    def z_to_pixel(self, z: npt.ArrayLike) -> QPoint:
        """Where a point (x, y) of the shown axes lies, in whole pixels of ``viewport()``."""
        pixel = self.view().to_pixel(np.asarray(z, float)[:2])
        corner = self.box.mapToScene(QPointF(0, 0))
        return QPoint(round(float(pixel[0]) + corner.x()), round(float(pixel[1]) + corner.y()))

    def pixel_to_z(self, point: QPoint | QPointF) -> FloatArray:
        """What point (x, y) of the shown axes lies under a pixel of ``viewport()``, float [2]."""
        return self.view().from_pixel(self._in_box(QPointF(point)))

    def _in_box(self, point: QPointF) -> FloatArray:
        inner = self.box.mapFromScene(point)
        return np.array([inner.x(), inner.y()])

    def _is_over_map(self, point: QPointF) -> bool:
        return bool(self.box.rect().contains(self.box.mapFromScene(point)))

    # --- what is drawn ----------------------------------------------------------------------------------------

    def set_points(
        self,
        xy: npt.ArrayLike | None,
        labels: npt.ArrayLike | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        """Draw the encoded points.

        Parameters
        ----------
        xy : array_like [N, 2] or None
            Points on the shown axes; None or an empty array draws none.
        labels : array_like of int [N], optional
            Class of each; -1 where it is not known.
        class_names : sequence of str
            A name for each class, in order.
        """
        points = np.zeros((0, 2), np.float32) if xy is None else np.asarray(xy, np.float32).reshape(-1, 2)
        known = np.full(len(points), -1, np.int64) if labels is None else np.asarray(labels, np.int64).ravel()
        classes = max(len(class_names), int(known.max(initial=-1)) + 1)
        self._points.set_points(points, known, classes)

    def set_manifold(self, picture: npt.NDArray[np.uint8] | None, x_range: Range, y_range: Range) -> None:
        """Show a whole picture, uint8 [H, W] or [H, W, 3], over these ranges of the axes; its first row is uppermost."""
        self._manifold.set_picture(picture, x_range, y_range)

    def begin_manifold(
        self, view_x_range: Range, view_y_range: Range, columns: int, rows: int, generation: int
    ) -> None:
        """Await the tiles of a manifold over these ranges; what is shown stays until they cover it."""
        self._manifold.begin(view_x_range, view_y_range, columns, rows, generation)

    def put_tiles(
        self, generation: int, cells: npt.NDArray[np.integer], span: int, tiles: npt.NDArray[np.uint8]
    ) -> None:
        """Paint tiles of the manifold that was begun with this generation.

        Parameters
        ----------
        generation : int
            Tiles of any other generation than the one begun last are passed over.
        cells : ndarray of int, [n, 2]
            Column and row of each tile; column 0 is leftmost, row 0 lowest.
        span : int
            Each tile covers ``span × span`` cells, from its own to the right and upwards.
        tiles : ndarray of uint8, [n, h, w] or [n, h, w, 3]
            The decoded images, all of one size within a generation.
        """
        self._manifold.put_tiles(generation, cells, span, tiles)

    def set_cursor(self, xy: npt.ArrayLike | None) -> None:
        """Put the crosshair on the committed point (x, y); None takes it away."""
        self._cursor.set_place(xy)

    def set_preview(self, xy: npt.ArrayLike | None) -> None:
        """Mark the previewed point (x, y); None takes the mark away."""
        self._preview.set_place(xy)

    def set_posterior(self, mean: npt.ArrayLike | None, covariance: npt.ArrayLike | None = None) -> None:
        """Draw a posterior's mean (x, y) and covariance [2, 2] on the shown axes; None takes it away."""
        self._posterior.set_posterior(mean, covariance)

    def set_path(self, points: npt.ArrayLike | None) -> None:
        """Draw a path through these waypoints [n, 2]; None or none of them takes it away."""
        self._path.set_points(points)

    def set_theme(self, dark: bool) -> None:
        """Draw for a dark or a light window from now on, whatever the palette says."""
        self._own_theme = dark
        self._apply_palette()

    def set_classes_shown(self, shown: Iterable[int]) -> None:
        """Draw the points of these classes only (-1: those without one)."""
        raise NotImplementedError

    # --- what is in view --------------------------------------------------------------------------------------

    def reset_view(self) -> None:
        """Show the region that a standard normal prior fills."""
        self.box.show_range((-PRIOR_REACH, PRIOR_REACH), (-PRIOR_REACH, PRIOR_REACH))

    def fit_to_points(self) -> None:
        """Show all points, or the prior's region when there is none."""
        tiles = self._points.tiles()
        if not len(tiles):
            self.reset_view()
            return
        (x0, x1), (y0, y1) = tiles.x_range, tiles.y_range
        room = 0.04 * max(x1 - x0, y1 - y0, 1e-3)
        self.box.show_range((x0 - room, x1 + room), (y0 - room, y1 + room))

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
            self.hovered.emit(None)

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
        elif not self._gestures[self._mode].key(key):
            event.ignore()

    def viewportEvent(self, event: QEvent) -> bool:
        """Notice the pointer leaving, and zoom with two fingers."""
        if event.type() == QEvent.Type.Leave:
            self.hovered.emit(None)
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

    def _select(self, corners: FloatArray, view: View) -> None:
        chosen = np.flatnonzero(inside(corners, self._points.xy, view) & self._points.shown)
        self._points.set_selected(chosen)
        self.selectionChanged.emit(chosen)

    def _edit_path(self, points: FloatArray) -> None:
        self._path.set_points(points)
        self.pathEdited.emit(points)

    # --- how it looks -----------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette from light to dark and back."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_own_theme"):
            self._apply_palette()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep what lies over the map in its corners."""
        super().resizeEvent(event)

    def _apply_palette(self) -> None:
        window = self.palette().color(QPalette.ColorRole.Window)
        colours = theme(window.lightness() < 128 if self._own_theme is None else self._own_theme)
        self.apply_theme(colours)
        for layer in (self._manifold, self._points, self._posterior, self._path, self._outline):
            layer.set_theme(colours)
        self._preview.set_theme(colours)
        self._cursor.set_theme(colours)
