"""One small plot of the training curves: a term over epochs, or the KL of every dimension."""

from __future__ import annotations

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

_TITLE_HEIGHT = 17
_AXIS_WIDTH = 44
_BEGINNING = 0.05  # of the epochs in sight: where a run falls so far that all after it would be a flat line
_LONG = 4  # epochs from which on the beginning, the first epoch at least, may leave the plot
_MOST_MARKERS = 25  # epochs in sight, over which markers would lie on each other
_NARROWEST = 0.1  # epochs, to zoom into


class _CurvePlot(Plot):
    """A small plot with a grid, and its title as a line over it."""

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
        return self._theme.series[run.place % len(self._theme.series)]

    def set_title(self, html: str) -> None:
        """Show a line of rich text over the plot."""
        self.titleLabel.setVisible(True)
        self.titleLabel.setText(html, size="8.5pt", color=self._theme.text)
        self.titleLabel.setMinimumWidth(0)  # else a long line makes all plots wider than what they are seen through


class TermPlot(_CurvePlot):
    """A term over epochs: training as a line, validation dashed with markers, a colour for each run."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
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
        """Write the epochs under this plot, or leave them to the one below."""
        self.x_axis.setStyle(showValues=shown)
        self.x_axis.setHeight(18 if shown else 4)

    def name_changes(self, named: bool) -> None:
        """Write what was changed beside its mark in this plot, or leave that to another."""
        self._changes.set_named(named)

    def set_last_epoch(self, last: float) -> None:
        """Let nothing be shown but the epochs from 0 to here."""
        self.getViewBox().setLimits(xMin=0.0, xMax=last, minXRange=min(last, _NARROWEST))

    def show_runs(self, runs: Sequence[CurveSet], term: str, *, log: bool) -> None:
        """Draw the term of every run, the last one over the others; a negative term's size where ``log``."""
        series = [
            (found, run, validation)
            for run in runs
            for found, validation in ((run.train.get(term), False), (run.validation.get(term), True))
            if found is not None
        ]
        points = [found.arrays() for found, _run, _validation in series]
        left, right = self.getViewBox().viewRange()[0]
        sparse = right - left <= _MOST_MARKERS
        self._choose_scale(np.concatenate([y for _x, y in points]) if points else np.zeros(0), log)
        for place, ((x, y), (found, run, validation)) in enumerate(zip(points, series, strict=True)):
            last = run is runs[-1]
            state = (id(found), x.size, float(x[-1]) if x.size else 0.0, self.colour_of(run), last, sparse)
            if place >= len(self._drawn) or self._drawn[place] != state:
                self._draw(place, x, y, self.colour_of(run), last=last, validation=validation, sparse=sparse)
                self._drawn[place : place + 1] = [state]
        for curve in self._curves[len(series) :]:
            curve.setData([], [])
        del self._drawn[len(series) :]
        self._changes.set_changes(runs[-1].changes if runs else [])
        self._mark_best(runs[-1].best() if runs and term == "elbo" else None)
        self._fit_values(points)

    def _choose_scale(self, values: FloatArray, log: bool) -> None:
        values = values[np.isfinite(values)]
        one_sided = values.size > 0 and bool((values > 0).all() or (values < 0).all())
        logarithmic = log and one_sided
        sign = -1.0 if logarithmic and values[0] < 0 else 1.0
        if (logarithmic, sign) != (self._log, self._sign):
            self._log, self._sign = logarithmic, sign
            self._drawn = []
            for curve in self._curves:  # a negative term has no logarithm until its size is drawn
                curve.setData([], [])
            epochs = self.getViewBox().viewRange()[0]
            self.setLogMode(y=logarithmic)
            # It has turned the fitting of both axes on again.
            self.getViewBox().disableAutoRange()
            self.setXRange(*epochs, padding=0)

    def _fit_values(self, points: Sequence[tuple[FloatArray, FloatArray]]) -> None:
        """Let the values in sight fill the plot; a range that still fits well stays as it is.

        The first epochs of a run that has done many may leave the plot, unless they are zoomed into.
        """
        left, right = self.getViewBox().viewRange()[0]
        values = self._within(points, left, right)
        if left < 0.01 * right and right >= _LONG and not self._log:
            later = self._within(points, max(1.0, _BEGINNING * right), right)
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

    def _within(self, points: Sequence[tuple[FloatArray, FloatArray]], left: float, right: float) -> FloatArray:
        """The finite values of these epochs, as they are drawn."""
        seen = [y[(x >= left) & (x <= right)] for x, y in points]
        values = np.concatenate(seen) * self._sign if seen else np.zeros(0)
        found: FloatArray = values[np.isfinite(values)]
        return found

    def write(self, runs: Sequence[CurveSet], term: str, epoch: float | None) -> None:
        """Write the term's name and values at an epoch over the plot, the newest for ``None``.

        Of one run the means over training and validation images; of several, in their colours, the latter where
        there are any.
        """
        dim = self._theme.dim
        # A run that ended long before says nothing of this epoch.
        there = [run for run in runs if epoch is None or epoch <= run.latest() + 1.0] or runs[-1:]
        values = [(run, _at(run.train.get(term), epoch), _at(run.validation.get(term), epoch)) for run in there]
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
        """Show where the pointer reads."""
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
        self, place: int, x: FloatArray, y: FloatArray, colour: str, *, last: bool, validation: bool, sparse: bool
    ) -> None:
        while len(self._curves) <= place:
            curve = pg.PlotDataItem(connect="finite", antialias=True)
            self.addItem(curve)
            self._curves.append(curve)
        style = Qt.PenStyle.DashLine if validation else Qt.PenStyle.SolidLine
        self._curves[place].setData(
            x.copy(),
            y * self._sign,
            pen=pg.mkPen(colour, width=1 if validation else 1.8 if last else 1.2, style=style),
            symbol="o" if validation and sparse else None,
            symbolSize=5,
            symbolPen=None,
            symbolBrush=colour,
        )

    def _mark_best(self, best: tuple[float, float] | None) -> None:
        """Ring the best epoch's value over the validation images."""
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
            return f"{value:{form}}".replace("-", "−")
    return "–"
