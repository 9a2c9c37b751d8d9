"""The bare plot: a box with crisp axes on its left and lower edges."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from latentlab.gui.colours import Theme
from latentlab.gui.latent_map.axis import MapAxis
from latentlab.gui.latent_map.view_box import MapViewBox

AXIS_HEIGHT = 22
AXIS_WIDTH = 38
MARGIN = 6


class MapPlot(QGraphicsView):
    """A view box that fills the widget but for two narrow axes.

    Plain Qt on purpose: pyqtgraph's plot animates its own mouse handling, makes menus as windows of their own,
    takes 7 ms of a frame for its axes, and takes longer to import than the whole window to be painted.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        scene = QGraphicsScene(self)
        scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)  # a dozen items, and each fills the view
        self.setScene(scene)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.box = MapViewBox(self)
        self._x_axis, self._y_axis = MapAxis(self.box, upright=False), MapAxis(self.box, upright=True)
        for item in (self.box, self._x_axis, self._y_axis):
            scene.addItem(item)
        self._lay_out(self.size())

    def axis_names(self) -> tuple[str, str]:
        """Names of the horizontal and the vertical axis."""
        return self._x_axis.name, self._y_axis.name

    def set_axes_names(self, x: str, y: str) -> None:
        """Name the horizontal and the vertical axis."""
        self._x_axis.set_name(x)
        self._y_axis.set_name(y)

    def apply_theme(self, theme: Theme) -> None:
        """Draw background and axes in these colours."""
        self.setBackgroundBrush(QColor(theme.background))
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1.0))
        for axis in (self._x_axis, self._y_axis):
            axis.set_look(theme, font)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the box what the axes leave."""
        super().resizeEvent(event)
        self._lay_out(event.size())

    def _lay_out(self, size: QSize) -> None:
        # The axes keep their size, so that a longer tick label never moves the map under the hand.
        width, height = max(1, size.width() - AXIS_WIDTH - MARGIN), max(1, size.height() - AXIS_HEIGHT - MARGIN)
        self.setSceneRect(0, 0, size.width(), size.height())
        self._x_axis.place(QRectF(AXIS_WIDTH, MARGIN + height, width, AXIS_HEIGHT))
        self._y_axis.place(QRectF(0, MARGIN, AXIS_WIDTH, height))
        self.box.place(AXIS_WIDTH, MARGIN, width, height)
