"""The latent map: the plane one explores, with everything that is known about it drawn in layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

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
from latentlab.gui.gestures import next_gesture
from latentlab.gui.latent_map.gestures import (
    ExploreGesture,
    Gesture,
    PathGesture,
    SelectGesture,
    inside,
)
from latentlab.gui.latent_map.layered import LayeredPlot
from latentlab.gui.latent_map.layers import LayerPanel
from latentlab.gui.latent_map.legend import Legend
from latentlab.gui.latent_map.notes import FAR_FROM_DATA, INSET, CornerTools, EnterWatch, Message, Note, at_corner
from latentlab.gui.latent_map.view import View

FloatArray = npt.NDArray[np.floating]
VIEW_MS = 90
NUDGE_STEPS = 40
ZOOM_PER_DEGREE = 1.2 ** (1 / 15)
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}


class LatentMap(LayeredPlot):
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
    classesShownChanged(object)
        The classes that the legend shows now, frozenset of int (-1: points without one).
    layerChanged(str, bool, float)
        A layer's name, whether it is drawn, and its opacity.
    messageClicked()
        The button of the empty map's message was clicked.
    """

    hovered = Signal(object)
    committed = Signal(object, int)
    nudged = Signal(object, int)
    viewChanged = Signal(object)
    filesDropped = Signal(list)
    selectionChanged = Signal(object)
    pathEdited = Signal(object)
    classesShownChanged = Signal(object)
    layerChanged = Signal(str, bool, float)
    messageClicked = Signal()

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
        self.box.sigRangeChanged.connect(self._on_view_changed)
        self.box.sigResized.connect(self._on_view_changed)
        self._make_panels()
        self._own_theme: bool | None = None
        self._apply_palette()
        self.set_axes_names("z₁", "z₂")
        self.set_mode("explore")

    def _make_panels(self) -> None:
        """Make the small panels that lie over the map, and join them with what they show."""
        over = self.viewport()
        self._legend = Legend(over)
        self._legend.shownChanged.connect(self._on_legend_changed)
        self._tools = CornerTools(over)
        self._tools.fitClicked.connect(self.fit_to_points)
        self._layer_panel = LayerPanel(self.layers(), over)
        self._layer_panel.visibleEdited.connect(self.set_layer_visible)
        self._layer_panel.opacityEdited.connect(self.set_layer_opacity)
        self._tools.layersToggled.connect(self._on_layers_toggled)
        self._freshness = Note("mapFreshness", "Freshness of the map", over)
        self._far = Note("mapFarFromData", "Far from data", over)
        self._message = Message(over)
        self._message_clicked: Callable[[], object] | None = None
        self._message.clicked.connect(self._on_message_clicked)
        self._watch = EnterWatch(self)
        self._watch.watch(self._legend, self._tools, self._layer_panel, self._message)
        self._watch.entered.connect(self._on_pointer_left)

    # --- what is said over the map ----------------------------------------------------------------------------

    def set_points(
        self,
        xy: npt.ArrayLike | None,
        labels: npt.ArrayLike | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        """Draw the encoded points and list their classes; see `LayeredPlot.set_points`."""
        super().set_points(xy, labels, class_names)
        classes = len(self._points.classes()) - 1
        names = [*class_names, *(str(number) for number in range(len(class_names), classes))]
        has_unlabelled = labels is not None and bool((np.asarray(labels) < 0).any())
        self._legend.set_classes(names if len(self._points.xy) else (), has_unlabelled)
        self._points.set_hidden(self._legend.hidden())
        self._place_panels()
        self._show_badge(self._cursor.xy)

    def set_classes_shown(self, shown: Iterable[int]) -> None:
        """Draw the points of these classes only (-1: those without one), here and in the legend."""
        shown = frozenset(shown)
        super().set_classes_shown(shown)
        self._legend.set_shown(shown)

    def set_cursor(self, xy: npt.ArrayLike | None) -> None:
        """Put the crosshair on the committed point (x, y); None takes it away."""
        super().set_cursor(xy)
        self._show_badge(self._cursor.xy)

    def set_layer_visible(self, name: str, visible: bool) -> None:
        """Show or hide a layer by its name, one of those in ``layers()``."""
        super().set_layer_visible(name, visible)
        self._tell_layer(name)

    def set_layer_opacity(self, name: str, opacity: float) -> None:
        """Draw a layer with an opacity between 0 and 1 (clipped)."""
        super().set_layer_opacity(name, opacity)
        self._tell_layer(name)

    def set_message(self, text: str | None, button: str = "", clicked: Callable[[], object] | None = None) -> None:
        """Say in one line what would fill the empty map, and offer the button that does.

        Parameters
        ----------
        text : str or None
            The line; None or an empty one takes the message away.
        button : str
            What the button reads; none is shown without.
        clicked : callable, optional
            Called when it is clicked, in the place of the one before; ``messageClicked`` is emitted besides.
        """
        self._message_clicked = clicked
        self._message.say(text or "", button)
        self._place_panels()

    def set_freshness(self, text: str) -> None:
        """Say how fresh the map is, for instance "epoch 3 · 0.4 s ago"; an empty text says nothing."""
        self._freshness.say(text)
        self._place_panels()

    def _tell_layer(self, name: str) -> None:
        layer = self._layers[name]
        self._layer_panel.show_layer(layer)
        self.layerChanged.emit(name, layer.visible, layer.opacity)

    def _show_badge(self, xy: FloatArray | None) -> None:
        self._far.say(FAR_FROM_DATA if self.is_far_from_data(xy) else "")
        self._place_panels()

    def _place_panels(self) -> None:
        """Lay the panels into their corners."""
        inside = self.box.mapRectToScene(self.box.rect()).toAlignedRect()
        at_corner(self._tools, inside, Qt.Corner.TopRightCorner)
        at_corner(self._layer_panel, inside, Qt.Corner.TopRightCorner, self._tools.height() + INSET)
        at_corner(self._freshness, inside, Qt.Corner.BottomRightCorner)
        at_corner(self._far, inside, Qt.Corner.BottomLeftCorner)
        self._message.move(inside.center() - self._message.rect().center())
        top = inside.top() + 2 * INSET + self._tools.height()
        self._legend.place(QPoint(inside.right() - INSET, top), inside.bottom() - top - 5 * INSET)
        self._legend.setVisible(not self._legend.is_empty and not self._layer_panel.isVisibleTo(self.viewport()))

    def _on_layers_toggled(self, shown: bool) -> None:
        self._layer_panel.setVisible(shown)
        self._layer_panel.raise_()
        self._place_panels()

    def _on_legend_changed(self, shown: frozenset[int]) -> None:
        self._points.set_hidden(self._legend.hidden())
        self.classesShownChanged.emit(shown)

    def _on_message_clicked(self) -> None:
        if self._message_clicked is not None:
            self._message_clicked()
        self.messageClicked.emit()

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
            here = self.pixel_to_z(position)
            self._show_badge(here)
            self.hovered.emit(here)
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
        self._show_badge(self._cursor.xy)
        self.hovered.emit(None)

    def _select(self, corners: FloatArray, view: View) -> None:
        chosen = np.flatnonzero(inside(corners, self._points.xy, view) & self._points.shown)
        self._points.set_selected(chosen)
        self.selectionChanged.emit(chosen)

    def _edit_path(self, points: FloatArray) -> None:
        self._path.set_points(points)
        self.pathEdited.emit(points)

    # --- how it looks -----------------------------------------------------------------------------------------

    def set_theme(self, dark: bool) -> None:
        """Draw for a dark or a light window from now on, whatever the palette says."""
        self._own_theme = dark
        self._apply_palette()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette from light to dark and back, and the font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange) and hasattr(self, "_own_theme"):
            self._apply_palette()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep what lies over the map in its corners."""
        super().resizeEvent(event)
        if hasattr(self, "_message"):
            self._place_panels()

    def _apply_palette(self) -> None:
        window = self.palette().color(QPalette.ColorRole.Window)
        colours = theme(window.lightness() < 128 if self._own_theme is None else self._own_theme)
        self.apply_theme(colours)
        for panel in (self._legend, self._tools, self._layer_panel, self._freshness, self._far, self._message):
            panel.set_theme(colours)
