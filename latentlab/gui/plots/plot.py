"""A plot in the window's theme: axes on the left and below, and none of pyqtgraph's menus and buttons."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtGui import QFont

from latentlab.gui.plots.axis import Axis
from latentlab.gui.style.theme import Theme

SMALLEST_PT = 7.0


class Plot(pg.PlotItem):  # type: ignore[misc]
    """A `pyqtgraph.PlotItem` with themed axes.

    Ranges are set by whoever owns the plot: pyqtgraph's own fitting looks at every item whenever one changes.

    Parameters
    ----------
    view_box
        What the plot's items are in; pyqtgraph's own if ``None``.

    Attributes
    ----------
    x_axis, y_axis : Axis
        The axes below and on the left.
    """

    def __init__(self, view_box: pg.ViewBox | None = None) -> None:
        self.x_axis, self.y_axis = Axis("bottom"), Axis("left")
        super().__init__(viewBox=view_box, axisItems={"bottom": self.x_axis, "left": self.y_axis}, enableMenu=False)
        self.hideButtons()
        for unused in ("top", "right"):
            self.getAxis(unused).unlinkFromView()  # hidden, it would still rewrite its label at every change
        self.getViewBox().disableAutoRange()

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """Draw the axes in these colours; their numbers are a point smaller than ``font``."""
        small = QFont(font)
        small.setPointSizeF(max(SMALLEST_PT, font.pointSizeF() - 1.0))
        for axis in (self.x_axis, self.y_axis):
            axis.set_theme(theme, small)
