"""The graphics view that the map is painted in."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QNativeGestureEvent
from PySide6.QtWidgets import QWidget


class _MapScene(pg.GraphicsScene):  # type: ignore[misc]
    """A scene without pyqtgraph's own hover events: no item of the map takes them.

    pyqtgraph searches the scene for them at every move, which takes a millisecond. Qt's hover events stay.
    """

    def sendHoverEvents(self, ev: object, exitOnly: bool = False) -> None:
        """Send nothing (called by pyqtgraph)."""


class MapGraphicsView(pg.GraphicsView):  # type: ignore[misc]
    """A `pyqtgraph.GraphicsView` that leaves keys and dropped files to the widget it is in.

    Signals
    -------
    pinched(float, object)
        Two fingers on a touch pad zoom by this factor about a pixel of the view.
    """

    pinched = Signal(float, object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, useOpenGL=False)
        self._replace_scene()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)

    def _replace_scene(self) -> None:
        """Use a scene of our own; pyqtgraph makes its own one, with an empty item in it, and has no parameter."""
        first, self.centralWidget = self.scene(), None
        self.sceneObj = _MapScene(parent=self)
        self.setScene(self.sceneObj)
        first.deleteLater()

    def viewportEvent(self, event: QEvent) -> bool:
        """Take zoom gestures."""
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.pinched.emit(1.0 + event.value(), QPointF(event.position()))
            return True
        return bool(super().viewportEvent(event))
