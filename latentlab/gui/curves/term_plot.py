"""The plots of the training curves: one term over epochs, or the KL of every dimension."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from latentlab.config.layout import ACTIVE_KL
from latentlab.gui.curves.change_marks import ChangeMarks
from latentlab.gui.curves.series import CurveSet, FloatArray, Series
from latentlab.gui.plots.plot import Plot
from latentlab.gui.style.theme import Theme, current_theme
from latentlab.utils.plain_text import NAME, as_line
from latentlab.utils.text import format_number

_TITLE_HEIGHT = 17
_AXIS_WIDTH = 44
_START = 0.05  # of the visible epochs: a steep start would make the rest look flat
_LONG_RUN = 4  # epochs after which the start, at least the first epoch, may be outside the plot
_MAX_MARKERS = 25  # visible epochs above which markers would overlap
_MIN_RANGE = 0.1  # epochs: the closest zoom


class _CurvePlot(Plot):
    """A small plot with a grid and a one-line title above it."""

    def __init__(self) -> None:
        super().__init__()
        self._theme = current_theme()
        self.showGrid(x=False, y=True, alpha=0.12)
        self.y_axis.setWidth(_AXIS_WIDTH)
        self.y_axis.setTickDensity(0.6)
        self.y_axis.setStyle(tickLength=0, tickTextOffset=5)
        self.x_axis.setTickDensity(1.0)
        self.x_axis.setStyle(tickLength=3)
        self.getViewBox().setMouseEnabled(x=True, y=False)
        self.titleLabel.setMaximumHeight(_TITLE_HEIGHT)
        self.layout.setRowFixedHeight(0, _TITLE_HEIGHT)
        self.titleLabel.opts["justify"] = "left"

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """Draw in these colours; the title and the curves with the next values."""
        super().set_theme(theme, font)
        self._theme = theme

    def colour_of(self, run: CurveSet) -> str:
        """The run's colour in the theme."""
        return self._theme.series[run.colour_index % len(self._theme.series)]

    def set_title(self, markup: str) -> None:
        """Show a line of rich text above the plot; names in it must be escaped."""
        self.titleLabel.setVisible(True)
        self.titleLabel.setText(markup, size="8.5pt", color=self._theme.text)
        self.titleLabel.setMinimumWidth(0)  # else a long title makes all plots wider than the view


class TermPlot(_CurvePlot):
    """A term over epochs: training as a solid line, validation dashed with markers, one colour per run."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = html.escape(as_line(title, NAME))  # of a run's metrics: shown in rich text
        self._curves: list[pg.PlotDataItem] = []
        self._drawn: list[tuple[int, int, float, str, bool, bool]] = []
        self._changes = ChangeMarks()
        self.addItem(self._changes, ignoreBounds=True)
        self._best = pg.ScatterPlotItem(size=9, brush=None)
        self.addItem(self._best, ignoreBounds=True)
        self._sign = 1.0
        self._log = False
        self._hover = pg.InfiniteLine(angle=90, movable=False)
        self._hover.hide()
        self.addItem(self._hover, ignoreBounds=True)

    def show_epochs(self, shown: bool) -> None:
        """Write the epochs below this plot, or not."""
        self.x_axis.setStyle(showValues=shown)
        self.x_axis.setHeight(18 if shown else 4)

    def label_changes(self, labelled: bool) -> None:
        """Label the marks of changes in this plot, or only draw them."""
        self._changes.set_labelled(labelled)

    def set_last_epoch(self, last: float) -> None:
        """Limit the visible range to the epochs from 0 to ``last``."""
        self.getViewBox().setLimits(xMin=0.0, xMax=last, minXRange=min(last, _MIN_RANGE))

    def show_runs(self, runs: Sequence[CurveSet], term: str, *, log: bool) -> None:
        """Draw the term of every run, the last over the others; with ``log`` the magnitude of a negative term."""
        series = [
            (each, run, validation)
            for run in runs
            for each, validation in ((run.train.get(term), False), (run.validation.get(term), True))
            if each is not None
        ]
        points = [each.arrays() for each, _run, _validation in series]
        left, right = self.getViewBox().viewRange()[0]
        sparse = right - left <= _MAX_MARKERS
        self._choose_scale(np.concatenate([y for _x, y in points]) if points else np.zeros(0), log)
        for index, ((x, y), (each, run, validation)) in enumerate(zip(points, series, strict=True)):
            last = run is runs[-1]
            state = (id(each), x.size, float(x[-1]) if x.size else 0.0, self.colour_of(run), last, sparse)
            if index >= len(self._drawn) or self._drawn[index] != state:
                self._draw(index, x, y, self.colour_of(run), last=last, validation=validation, sparse=sparse)
                self._drawn[index : index + 1] = [state]
        for curve in self._curves[len(series) :]:
            curve.setData([], [])
        del self._drawn[len(series) :]
        self._changes.set_changes(runs[-1].changes if runs else [])
        self._mark_best(runs[-1].best(term) if runs else None)
        self._fit_values(points)

    def _choose_scale(self, values: FloatArray, log: bool) -> None:
        values = values[np.isfinite(values)]
        one_sided = values.size > 0 and bool((values > 0).all() or (values < 0).all())
        logarithmic = log and one_sided
        sign = -1.0 if logarithmic and values[0] < 0 else 1.0
        if (logarithmic, sign) != (self._log, self._sign):
            self._log, self._sign = logarithmic, sign
            self._drawn = []
            for curve in self._curves:  # values of the other sign have no logarithm
                curve.setData([], [])
            epochs = self.getViewBox().viewRange()[0]
            self.setLogMode(y=logarithmic)
            # setLogMode has enabled automatic ranges again.
            self.getViewBox().disableAutoRange()
            self.setXRange(*epochs, padding=0)

    def _fit_values(self, points: Sequence[tuple[FloatArray, FloatArray]]) -> None:
        """Fit the value range to the visible values; a range that still fits well is kept.

        In a long run the first epochs may be outside the plot, unless the user has zoomed into them.
        """
        left, right = self.getViewBox().viewRange()[0]
        values = self._values_within(points, left, right)
        if left < 0.01 * right and right >= _LONG_RUN and not self._log:
            later = self._values_within(points, max(1.0, _START * right), right)
            values = later if later.size else values
        if self._log:
            values = np.log10(values[values > 0])
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        margin = max(0.08 * (high - low), (1e-3 if high > low else 0.1) * abs(high), 1e-9)
        bottom, top = self.getViewBox().viewRange()[1]
        if low < bottom or high > top or (top - bottom) > 2 * (high - low + 2 * margin):
            self.setYRange(low - margin, high + margin, padding=0)

    def _values_within(self, points: Sequence[tuple[FloatArray, FloatArray]], left: float, right: float) -> FloatArray:
        """The finite values of these epochs, with the sign they are drawn with."""
        visible = [y[(x >= left) & (x <= right)] for x, y in points]
        values = np.concatenate(visible) * self._sign if visible else np.zeros(0)
        finite: FloatArray = values[np.isfinite(values)]
        return finite

    def show_values(self, runs: Sequence[CurveSet], term: str, epoch: float | None) -> None:
        """Write the term's name and its values at an epoch above the plot; ``None`` for the newest.

        For one run both means, over training and validation images; for several runs one value each in its colour,
        the validation mean if there is one.
        """
        dim = self._theme.dim
        # Runs that ended long before this epoch have no value there.
        shown = [run for run in runs if epoch is None or epoch <= run.latest() + 1.0] or runs[-1:]
        values = [(run, _at(run.train.get(term), epoch), _at(run.validation.get(term), epoch)) for run in shown]
        text = f"<b>{'−' if self._sign < 0 else ''}{self._title}</b>"
        if len(values) == 1:
            _, train, validation = values[0]
            if train is not None:
                text += f"&nbsp; {_number(train * self._sign)}"
            if validation is not None:
                text += f" <span style='color:{dim}'>&nbsp;validation</span> {_number(validation * self._sign)}"
        else:
            for run, train, validation in reversed(values):
                value = train if validation is None else validation
                if value is not None:
                    text += f"&nbsp; <span style='color:{self.colour_of(run)}'>{_number(value * self._sign)}</span>"
        self.set_title(text)

    def show_hover(self, epoch: float | None) -> None:
        """Mark the epoch under the pointer; ``None`` hides the mark."""
        self._hover.setVisible(epoch is not None)
        if epoch is not None:
            self._hover.setValue(epoch)

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """Draw in these colours; the title and the curves with the next values."""
        super().set_theme(theme, font)
        self._hover.setPen(pg.mkPen(theme.control, width=1))
        self._changes.set_theme(theme)
        self._best.setPen(pg.mkPen(theme.text, width=1.5))

    def _draw(
        self, index: int, x: FloatArray, y: FloatArray, colour: str, *, last: bool, validation: bool, sparse: bool
    ) -> None:
        while len(self._curves) <= index:
            curve = pg.PlotDataItem(connect="finite", antialias=True)
            self.addItem(curve)
            self._curves.append(curve)
        style = Qt.PenStyle.DashLine if validation else Qt.PenStyle.SolidLine
        self._curves[index].setData(
            x.copy(),
            y * self._sign,
            pen=pg.mkPen(colour, width=1 if validation else 1.8 if last else 1.2, style=style),
            symbol="o" if validation and sparse else None,
            symbolSize=5,
            symbolPen=None,
            symbolBrush=colour,
        )

    def _mark_best(self, best: tuple[float, float] | None) -> None:
        """Draw a ring at the best epoch's validation bound."""
        if best is None:
            self._best.setData([], [])
            return
        value = best[1] * self._sign
        self._best.setData([best[0]], [np.log10(value) if self._log else value])


class KlBars(_CurvePlot):
    """The KL of every latent dimension, as bars."""

    def __init__(self) -> None:
        super().__init__()
        self._bars = pg.BarGraphItem(x=[], height=[], width=0.7)
        self.addItem(self._bars)
        self.getViewBox().setMouseEnabled(x=False, y=False)
        self.x_axis.setHeight(18)

    def show_kl(self, run: CurveSet) -> None:
        """Show a run's KL [d] in nats."""
        kl, colour = run.kl if run.kl is not None else np.zeros(0), self.colour_of(run)
        self._bars.setOpts(x=np.arange(1, kl.size + 1), height=kl, width=0.7, brush=colour, pen=None)
        self.setRange(
            xRange=(0.3, kl.size + 0.7), yRange=(0.0, max(1e-3, float(kl.max(initial=0.0))) * 1.08), padding=0
        )
        step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if kl.size <= 10 * step or step == 1000)
        self.x_axis.setTicks([[(i, str(i)) for i in range(step, kl.size + 1, step)]])
        used = int((kl > ACTIVE_KL).sum())
        self.set_title(f"<b>KL per dimension</b>&nbsp; {kl.sum():.1f} nat, {used} of {kl.size} in use")


def _at(series: Series | None, epoch: float | None) -> float | None:
    return None if series is None else series.at(epoch)


def _number(value: float) -> str:
    for least, form in ((10_000, ",.0f"), (100, ",.1f"), (0.1, ".2f"), (0, ".3g")):
        if abs(value) >= least:
            return format_number(value, form)
    return "–"
