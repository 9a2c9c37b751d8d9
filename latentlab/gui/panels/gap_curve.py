"""The ELBO of one image as its posterior is refined: the amortisation gap as it closes (imports pyqtgraph)."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentlab.gui.plots.plot import Plot
from latentlab.gui.style.theme import current_theme
from latentlab.gui.widgets.controls import named

_HEIGHT = 92  # px
_AXIS_WIDTH, _AXIS_HEIGHT = 48, 18  # px
_MARGIN = 0.08
_TIP = "The ELBO of the best posterior after each step, in nats; the dashed line is that of the posterior as encoded"


class GapCurve(QWidget):
    """The encoder's ELBO as a dashed line, the refined one as a curve, and the gap between them filled."""

    ACCESSIBLE_ROLE = QAccessible.Role.Chart

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = pg.GraphicsView()
        named(self._view, "gapCurve", "ELBO as the posterior is refined", _TIP)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setFixedHeight(_HEIGHT)
        self._plot = Plot()
        self._plot.x_axis.setHeight(_AXIS_HEIGHT)
        self._plot.y_axis.setWidth(_AXIS_WIDTH)
        self._plot.y_axis.setTickDensity(0.5)
        self._plot.getViewBox().setMouseEnabled(x=False, y=False)
        self._plot.getViewBox().setMenuEnabled(False)
        self._view.setCentralItem(self._plot)
        self._curve = pg.PlotCurveItem(skipFiniteCheck=True)
        self._base = pg.PlotCurveItem(skipFiniteCheck=True)
        self._fill = pg.FillBetweenItem(self._base, self._curve)
        for item in (self._fill, self._base, self._curve):
            self._plot.addItem(item)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._set_theme()

    def set_curve(self, steps: Sequence[int], elbos: Sequence[float], last: int = 0) -> None:
        """Show ELBOs after these steps; ``last`` is the step that the axis reaches, if it is further."""
        if not steps:
            steps, elbos = (0, 1), (0.0, 0.0)
        end = max(last, steps[-1], 1)
        low, high = elbos[0], max(elbos)
        span = max(high - low, 1e-3)
        self._curve.setData([float(step) for step in steps], list(elbos))
        self._base.setData([0.0, float(steps[-1])], [low, low])
        box = self._plot.getViewBox()
        box.setXRange(0.0, float(end), padding=0.01)
        box.setYRange(low - _MARGIN * span, high + _MARGIN * span, padding=0.0)

    def curve(self) -> tuple[list[float], list[float]]:
        """The steps and ELBOs shown."""
        x, y = self._curve.getData()
        return ([], []) if x is None else (x.tolist(), y.tolist())

    def changeEvent(self, event: QEvent) -> None:
        """Draw in the colours of a new scheme."""
        if event.type() == QEvent.Type.PaletteChange:
            self._set_theme()
        super().changeEvent(event)

    def _set_theme(self) -> None:
        theme = current_theme()
        self._view.setBackground(theme.window)
        self._plot.set_theme(theme, self.font())
        self._curve.setPen(pg.mkPen(theme.colour("accent"), width=2))
        self._base.setPen(pg.mkPen(theme.colour("dim"), style=Qt.PenStyle.DashLine))
        self._fill.setBrush(pg.mkBrush(theme.colour("accent", 50)))
