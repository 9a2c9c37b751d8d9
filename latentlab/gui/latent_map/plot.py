"""The bare plot: a box with crisp axes on its left and lower edges."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsObject, QGraphicsView, QStyleOptionGraphicsItem, QWidget

from latentlab.gui.colours import DARK, Theme
from latentlab.gui.latent_map.view import MapViewBox

AXIS_HEIGHT = 22
AXIS_WIDTH = 38
MARGIN = 6


class AxisName(QGraphicsObject):
    """An axis' name at its far end."""

    def __init__(self, axis: pg.AxisItem, at_top: bool) -> None:
        super().__init__(axis)
        self._axis, self._at_top = axis, at_top
        self._theme: Theme = DARK
        self._text = ""
        self._font = QFont()
        axis.geometryChanged.connect(self.prepareGeometryChange)

    @property
    def text(self) -> str:
        """The name shown."""
        return self._text

    def set_text(self, text: str) -> None:
        """Show this name."""
        self._text = text
        self._redraw()

    def set_look(self, theme: Theme, font: QFont) -> None:
        """Draw in this theme and font."""
        self._theme, self._font = theme, QFont(font)
        self._font.setBold(True)
        self._redraw()

    def place(self) -> QRectF:
        """Where the name stands, in the axis' coordinates."""
        whole, metrics = self.boundingRect(), QFontMetricsF(self._font)
        width = metrics.horizontalAdvance(self._text)
        if self._at_top:
            return QRectF(0, 0, whole.width() - 4, metrics.height() + 4)
        return QRectF(whole.width() - width - 8, 4, width + 8, whole.height() - 4)

    def boundingRect(self) -> QRectF:
        """The axis' own rectangle."""
        return QRectF(QPointF(0, 0), self._axis.size())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Paint the name."""
        painter.setFont(self._font)
        painter.setPen(QPen(QColor(self._theme.text)))
        painter.drawText(self.place(), Qt.AlignmentFlag.AlignCenter, self._text)

    def _redraw(self) -> None:
        self._axis.picture = None
        self._axis.update()
        self.update()


class MapAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis that leaves out the tick labels that would stand under its name."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.axis_name = AxisName(self, at_top=side == "left")

    def generateDrawSpecs(self, painter: QPainter) -> tuple[Any, Any, Any] | None:
        """Leave out what the name covers of what pyqtgraph would draw."""
        specs = super().generateDrawSpecs(painter)
        if specs is None:
            return None
        line, ticks, labels = specs
        taken = self.axis_name.place()
        return line, ticks, [label for label in labels if not label[0].intersects(taken)]


class MapPlot(pg.GraphicsView):  # type: ignore[misc]
    """A view box that fills the widget but for two narrow axes; no menus, no buttons of pyqtgraph's.

    pyqtgraph's PlotItem makes menus as windows of their own and animates its own mouse handling;
    the map needs neither, so it is put together from the box and two axes.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = MapViewBox()
        layout = pg.GraphicsLayout()
        layout.layout.setSpacing(0)
        layout.setContentsMargins(0, MARGIN, MARGIN, 0)
        self._axes = {side: MapAxis(side) for side in ("left", "bottom")}
        layout.addItem(self._axes["left"], row=0, col=0)
        layout.addItem(self.box, row=0, col=1)
        layout.addItem(self._axes["bottom"], row=1, col=1)
        self.setCentralItem(layout)
        for axis in self._axes.values():
            axis.linkToView(self.box)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, tickTextOffset=3, autoExpandTextSpace=False, maxTickLevel=0)
        # Fixed, so that a longer tick label never moves the map under the hand.
        self._axes["left"].setWidth(AXIS_WIDTH)
        self._axes["bottom"].setHeight(AXIS_HEIGHT)

    def close(self) -> bool:
        """Close like any widget: pyqtgraph's own would tear down scene and viewport under what lies on them."""
        return QGraphicsView.close(self)

    def axis_names(self) -> tuple[str, str]:
        """Names of the horizontal and the vertical axis."""
        return self._axes["bottom"].axis_name.text, self._axes["left"].axis_name.text

    def set_axes_names(self, x: str, y: str) -> None:
        """Name the horizontal and the vertical axis."""
        self._axes["bottom"].axis_name.set_text(x)
        self._axes["left"].axis_name.set_text(y)

    def apply_theme(self, theme: Theme) -> None:
        """Draw background and axes in these colours."""
        self.setBackground(theme.background)
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() - 1.0))
        for axis in self._axes.values():
            axis.setPen(pg.mkPen(theme.faint))
            axis.setTextPen(pg.mkPen(theme.faint))
            axis.setTickFont(font)
            axis.axis_name.set_look(theme, font)
