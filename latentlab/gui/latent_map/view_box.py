"""The pyqtgraph view box of the map: what is in view, and what the mouse does in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsSceneHoverEvent,
    QGraphicsSceneMouseEvent,
    QGraphicsSceneWheelEvent,
    QStyleOptionGraphicsItem,
    QWidget,
)

from latentlab.gui.latent_map.tools import CLICK_PX, Tool
from latentlab.gui.latent_map.view import PRIOR_REACH, Range, View

FloatArray = npt.NDArray[np.floating]

MAX_ZOOM_OUT = 8.0
MAX_ZOOM_IN = 1e-3
"""The shorter side of the view is at most and at least this many times the extent of the content."""
ZOOM_PER_DEGREE = 1.2 ** (1 / 15)


class MapViewBox(pg.ViewBox):  # type: ignore[misc]
    """A `pyqtgraph.ViewBox` with a locked aspect in which the map's tools act.

    The left button is the tool's. The right and the middle button pan and the wheel zooms about the pointer, whatever
    the tool. A press acts at once: pyqtgraph's own click and drag events wait until they know which of the two it is.

    Attributes
    ----------
    press_filter : callable
        Called before a press acts; if it returns True, the press is ignored.

    Signals
    -------
    hovered(object, object)
        The point of the axes under the pointer, float [2], and the keyboard's modifiers; None when it has left, or when
        a press has ended the preview.
    menuRequested(xy, position)
        The right button was clicked, and not used to pan: the point of the axes, float [2], and the place on the
        screen.
    """

    hovered = Signal(object, object)
    menuRequested = Signal(object, QPoint)

    def __init__(self) -> None:
        super().__init__(lockAspect=True, enableMouse=False, enableMenu=False, defaultPadding=0.0)
        self.disableAutoRange()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsFocusable, False)  # the widget handles keys
        self.setAcceptHoverEvents(True)
        self.press_filter: Callable[[], bool] = lambda: False
        self._tool = Tool()
        self._is_pressed = False
        self._pan_from: QPointF | None = None
        self._pressed_at = QPointF()  # to pan
        self._hovered_at: QPoint | None = None  # on the screen
        self._extent = 2 * PRIOR_REACH
        self.show_range((-PRIOR_REACH, PRIOR_REACH), (-PRIOR_REACH, PRIOR_REACH))

    def add_layer(self, layer: QGraphicsItem) -> None:
        """Put an item over those added before; it paints in the box's logical pixels, not in the axes' units."""
        layer.setZValue(len(self.childItems()))
        layer.setParentItem(self)

    # --- what is in view --------------------------------------------------------------------------

    def view(self) -> View:
        """What is in view now."""
        (x_min, x_max), (y_min, y_max) = self.state["viewRange"]
        size, widget = self.rect(), self.getViewWidget()
        ratio = 1.0 if widget is None else widget.devicePixelRatioF()
        return View(x_min, x_max, y_min, y_max, max(1, int(size.width())), max(1, int(size.height())), ratio)

    def set_extent(self, extent: float) -> None:
        """Bound zooming by the extent of what there is to see, in units of the axes."""
        self._extent = max(extent, 2 * PRIOR_REACH)

    def show_range(self, x_range: Range, y_range: Range) -> None:
        """Bring the whole rectangle into view, in the middle and as large as the box allows."""
        self.setRange(xRange=x_range, yRange=y_range, padding=0, disableAutoRange=False)

    def zoom(self, factor: float, about: npt.ArrayLike) -> None:
        """Show everything ``factor`` times larger while the point ``about`` (x, y) stays where it is."""
        view = self.view()
        span = min(view.x_max - view.x_min, view.y_max - view.y_min)
        largest, smallest = MAX_ZOOM_OUT * self._extent, MAX_ZOOM_IN * self._extent
        # A view beyond the bounds, because a point was followed there, may only be zoomed back.
        factor = float(np.clip(factor, min(1.0, span / largest), max(1.0, span / smallest)))
        x, y = np.asarray(about, float).tolist()
        self.show_range(
            (x + (view.x_min - x) / factor, x + (view.x_max - x) / factor),
            (y + (view.y_min - y) / factor, y + (view.y_max - y) / factor),
        )

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by logical pixels, right and down."""
        view = self.view()
        x, y = dx / view.scale, dy / view.scale
        self.show_range((view.x_min - x, view.x_max - x), (view.y_min + y, view.y_max + y))

    def bring_into_view(self, xy: npt.ArrayLike, margin: float) -> None:
        """Pan just so far that a point (x, y) is ``margin`` logical pixels or more from the edges.

        In a box too small for that it is in the middle.
        """
        view = self.view()
        pixel, size = view.to_pixel(xy), np.array([view.width_px, view.height_px], float)
        room = np.minimum(margin, size / 2)
        dx, dy = np.clip(pixel, room, size - room) - pixel
        if np.isfinite(dx + dy) and (dx or dy):
            self.pan(float(dx), float(dy))

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint no border."""

    # --- the mouse --------------------------------------------------------------------------------

    def set_tool(self, tool: Tool) -> None:
        """Let the left button do this."""
        self._tool = tool
        self.setCursor(tool.cursor)

    @property
    def is_button_down(self) -> bool:
        """Whether a button is down on the map."""
        return self._is_pressed or self._pan_from is not None

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Begin the tool's gesture, or a pan."""
        self._press(event, self._tool.press)

    def _press(
        self,
        event: QGraphicsSceneMouseEvent,
        begin: Callable[[FloatArray, View, Qt.KeyboardModifier], None],
    ) -> None:
        event.accept()
        if self.press_filter():
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._is_pressed = True
            if self._tool.ends_preview:
                self.hovered.emit(None, Qt.KeyboardModifier.NoModifier)
            begin(_pixel(event), self.view(), event.modifiers())
        elif event.button() in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            self._pan_from = self._pressed_at = event.pos()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Continue the gesture or the pan."""
        event.accept()
        if self._pan_from is not None:
            moved = event.pos() - self._pan_from
            self._pan_from = event.pos()
            self.pan(moved.x(), moved.y())
        elif self._is_pressed:
            self._tool.drag(_pixel(event), self.view(), event.modifiers())
            if self._tool.previews:
                self._emit_hovered(event.pos(), event.modifiers())

    def mouseReleaseEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """End the gesture or the pan."""
        event.accept()
        self._hovered_at = event.screenPos()  # what the gesture chose is shown until the pointer moves
        if event.button() == Qt.MouseButton.LeftButton and self._is_pressed:
            self._is_pressed = False
            self._tool.release(_pixel(event), self.view(), event.modifiers())
        elif self._pan_from is not None:
            self._pan_from = None
            self.setCursor(self._tool.cursor)
            moved = event.pos() - self._pressed_at
            if event.button() == Qt.MouseButton.RightButton and moved.manhattanLength() < CLICK_PX:
                self.menuRequested.emit(self._point_at(event.pos()), event.screenPos())

    def mouseDoubleClickEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Give the second press of a double click to the tool."""
        self._press(event, self._tool.press_again)

    def wheelEvent(self, event: QGraphicsSceneWheelEvent, axis: int | None = None) -> None:
        """Zoom about the pointer, which may be on an axis."""
        event.accept()
        self.zoom(ZOOM_PER_DEGREE ** (event.delta() / 8), self._point_at(self.mapFromScene(event.scenePos())))

    def hoverMoveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        """Emit where the pointer is; Qt repeats the event when the scene changes under a pointer at rest."""
        if event.screenPos() != self._hovered_at:
            self._hovered_at = event.screenPos()
            self._emit_hovered(event.pos(), event.modifiers())

    def hoverLeaveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        """Emit that the pointer has left."""
        self._hovered_at = None
        self.hovered.emit(None, Qt.KeyboardModifier.NoModifier)

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        """Do nothing: a drag on an axis is no gesture of the map."""

    def _emit_hovered(self, pixel: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self.rect().contains(pixel):
            self.hovered.emit(self._point_at(pixel), modifiers)

    def _point_at(self, pixel: QPointF) -> FloatArray:
        return self.view().from_pixel((pixel.x(), pixel.y()))


def _pixel(event: QGraphicsSceneMouseEvent) -> FloatArray:
    return np.array([event.pos().x(), event.pos().y()])
