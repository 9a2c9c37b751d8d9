"""The plots of the training curves in a column (imported when there is a run: importing pyqtgraph takes long)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QWheelEvent

from latentlab.config.glossary import term_of
from latentlab.gui.curves.series import CurveSet
from latentlab.gui.curves.term_plot import KlBars, TermPlot
from latentlab.gui.style.theme import Theme, current_theme
from latentlab.gui.widgets.term_card import set_terms

KL = "kl"
ROW_HEIGHT = 66


class CurveCanvas(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """Plots that share the epoch axis: hovering reads all of them, the wheel zooms, a double click resets the zoom.

    If not all plots fit, the wheel scrolls them and Ctrl with the wheel zooms.

    Attributes
    ----------
    plots
        The plots by term, from top to bottom.
    read
        The epoch whose values are shown; ``None`` for the newest.

    Signals
    -------
    hovered(epoch)
        The epoch under the pointer; ``None`` when it has left.
    zoomChanged
        The visible range of epochs changed.
    """

    hovered = Signal(object)
    zoomChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.plots: dict[str, TermPlot | KlBars] = {}
        self._runs: Sequence[CurveSet] = ()
        self._log = False
        self._titles: dict[str, str] = {}  # of all terms shown, also those whose plots have not been made yet
        self._undrawn: list[str] = []
        self.read: float | None = None
        self._zoomed = False
        self._last_epoch = 0.0
        self.setAccessibleName("curves")
        self.setBackground(current_theme().surface)
        self.ci.layout.setSpacing(0)
        self.ci.layout.setContentsMargins(0, 0, 4, 0)
        self.scene().sigMouseMoved.connect(self._on_scene_mouse_moved)
        self.scene().sigMouseClicked.connect(self._on_scene_mouse_clicked)
        self.viewport().installEventFilter(self)
        set_terms(self.viewport(), self._term_at)

    def draw(self, shown: Mapping[str, str], runs: Sequence[CurveSet], *, log: bool) -> None:
        """Prepare the plots of these runs' terms; ``draw_next`` then draws them one by one.

        Parameters
        ----------
        shown
            Title of each term.
        runs
            The last is drawn over the others; the term ``kl`` shows its KL.
        log
            Whether the values have a logarithmic scale.
        """
        self._runs, self._log = runs, log
        self._match_plots(shown)
        self._fit_epochs()
        self._undrawn = list(shown)

    def draw_next(self) -> bool:
        """Draw the next plot and return whether others remain; the event loop can run between two."""
        if self._undrawn:
            term = self._undrawn.pop(0)
            plot = self.plots.get(term) or self._make(term)
            if isinstance(plot, KlBars):
                with_kl = [run for run in self._runs if run.kl is not None]
                plot.show_kl(with_kl[-1] if with_kl else CurveSet(""))
            else:
                plot.show_runs(self._runs, term, log=self._log)
                self._show_values(term, plot)
        return bool(self._undrawn)

    def set_theme(self, theme: Theme) -> None:
        """Draw in these colours; the curves with the next ``draw``."""
        self.setBackground(theme.surface)
        for plot in self.plots.values():
            plot.set_theme(theme, self.font())

    def _lines(self) -> dict[str, TermPlot]:
        return {term: plot for term, plot in self.plots.items() if isinstance(plot, TermPlot)}

    def _match_plots(self, shown: Mapping[str, str]) -> None:
        """Move the plots that stay to their rows; new ones are made when drawn, because making one takes time."""
        if self._titles == dict(shown) and list(self._titles) == list(shown):
            return
        self._titles = dict(shown)
        if not self.plots.keys() <= shown.keys():
            self.clear()
            self.plots = {}
        for plot in self.plots.values():
            self.removeItem(plot)
        for row in range(self.ci.layout.rowCount()):
            self.ci.layout.setRowMinimumHeight(row, 0)
        for row, term in enumerate(shown):
            self.ci.layout.setRowMinimumHeight(row, ROW_HEIGHT)  # also for plots that have not been made yet
            if term in self.plots:
                self._add_to_row(term)
        self.setMinimumHeight(ROW_HEIGHT * len(shown) + 16 if shown else 0)

    def _make(self, term: str) -> TermPlot | KlBars:
        plot: TermPlot | KlBars = KlBars() if term == KL else TermPlot(self._titles[term])
        plot.set_theme(current_theme(), self.font())
        if isinstance(plot, TermPlot):
            lines = list(self._lines().values())
            if lines:
                plot.setXLink(lines[0])
            elif not self._zoomed:
                plot.setXRange(0.0, self._last_epoch, padding=0)
            plot.set_last_epoch(self._last_epoch)
            plot.getViewBox().sigRangeChangedManually.connect(self._on_zoomed)
        self.plots[term] = plot
        self.plots = {name: self.plots[name] for name in self._titles if name in self.plots}
        self._add_to_row(term)
        return plot

    def _add_to_row(self, term: str) -> None:
        """Put a plot into its row; epochs are written below the last of the curves, changes in the first."""
        plot, lines = self.plots[term], [name for name in self._titles if name != KL]
        self.addItem(plot, list(self._titles).index(term), 0)
        if isinstance(plot, TermPlot):
            plot.show_epochs(term == lines[-1])
            plot.label_changes(term == lines[0])

    def _fit_epochs(self) -> None:
        """Unless the user has zoomed, show all epochs, up to a whole number so that the axis seldom changes."""
        lines = list(self._lines().values())
        last = max(1.0, float(np.ceil(max((run.latest() for run in self._runs), default=0.0))))
        if last != self._last_epoch:
            self._last_epoch = last
            for line in lines:
                line.set_last_epoch(last)
        if lines and not self._zoomed and tuple(lines[0].getViewBox().viewRange()[0]) != (0.0, last):
            lines[0].setXRange(0.0, last, padding=0)

    def shown_epochs(self) -> tuple[float, float]:
        """The first and last visible epoch; zeros if no curve is drawn."""
        line = next(iter(self._lines().values()), None)
        left, right = (0.0, 0.0) if line is None else line.getViewBox().viewRange()[0]
        return float(left), float(right)

    def _show_values(self, term: str, plot: TermPlot) -> None:
        """Write the values at the pointer, or the newest, above a plot."""
        plot.show_values(self._runs, term, self.read)
        plot.show_hover(self.read)

    def _term_at(self, at: QPoint) -> tuple[str, QRect]:
        """The term whose plot's title is at a position, for its card."""
        for name, plot in self.plots.items():
            title = self.mapFromScene(plot.titleLabel.sceneBoundingRect()).boundingRect()
            if title.contains(at):
                return term_of(name) or term_of(self._titles.get(name, "")), title
        return "", QRect()

    # --- the pointer ----------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show the newest values when the pointer leaves."""
        if event.type() == QEvent.Type.Leave and self.read is not None:
            self.read_at(None)
        return bool(super().eventFilter(watched, event))

    def read_at(self, epoch: float | None) -> None:
        """Write the values at an epoch above the plots and mark the epoch; ``None`` for the newest."""
        self.read = epoch
        for term, plot in self._lines().items():
            self._show_values(term, plot)
        self.hovered.emit(epoch)

    def _on_scene_mouse_moved(self, position: Any) -> None:
        for plot in self._lines().values():
            if plot.sceneBoundingRect().contains(position):
                self.read_at(max(0.0, plot.getViewBox().mapSceneToView(position).x()))
                return

    def _on_scene_mouse_clicked(self, event: Any) -> None:
        if event.double():
            self._zoomed = False
            self.zoomChanged.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom; if not all plots fit, let the scroll area handle the wheel without Ctrl."""
        parent = self.parentWidget()
        scrolls = parent is not None and parent.height() < self.height()
        if scrolls and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
        else:
            super().wheelEvent(event)

    def _on_zoomed(self) -> None:
        self._zoomed = not np.allclose(self.shown_epochs(), (0.0, self._last_epoch), atol=1e-6 * self._last_epoch)
        self.zoomChanged.emit()
