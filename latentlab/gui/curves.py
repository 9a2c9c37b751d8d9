"""The curves of a training as it runs: ELBO, rate, distortion and the recipe's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap, QShowEvent
from PySide6.QtWidgets import QFrame, QMenu, QScrollArea, QStackedLayout, QToolButton, QWidget

from latentlab.gui.parts import ElidedLabel, EmptyState, button, column, named, row, tool_button
from latentlab.gui.series import FloatArray, Run, Series
from latentlab.gui.term_plot import KlBars, TermPlot
from latentlab.gui.theme import SPACE, tabular, tokens

SHOWN_FIRST = ("elbo", "rate", "distortion")
KL = "kl"
MOST_RUNS = 5
ROW_HEIGHT = 66
REDRAW_MS = 160
_TITLES = {"elbo": "ELBO", KL: "KL per dimension", "gradient_norm": "gradient norm"}


class TrainingCurves(QWidget):
    """One small plot per term, over epochs: training as a line, validation dashed with markers.

    Earlier runs stay as fainter curves. All plots share the epochs' axis; hovering reads every term at one epoch,
    the wheel zooms, a double click shows all again. Redrawn at most six times a second, and only while visible.

    Signals
    -------
    trainingRequested
        The empty state's button was pressed: the user wants to train.
    """

    trainingRequested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "trainingCurves", "training curves", "")
        self._runs: list[Run] = []
        self._kl: FloatArray | None = None
        self._checks: dict[str, QAction] = {}
        self._plots: dict[str, TermPlot | KlBars] = {}
        self._hover: float | None = None
        self._zoomed = False
        self._wears_old_colours = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        self._build()

    def _build(self) -> None:
        self._canvas = pg.GraphicsLayoutWidget()
        self._canvas.setAccessibleName("curves")
        self._canvas.setBackground(tokens().surface)
        self._canvas.ci.layout.setSpacing(0)
        self._canvas.ci.layout.setContentsMargins(0, 0, 4, 0)
        self._canvas.scene().sigMouseMoved.connect(self._on_scene_mouse_moved)
        self._canvas.scene().sigMouseClicked.connect(self._on_scene_mouse_clicked)
        self._canvas.viewport().installEventFilter(self)
        self._area = QScrollArea()
        self._area.setWidget(self._canvas)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._readout = ElidedLabel()
        self._readout.setObjectName("curvesReadout")
        self._readout.setFont(tabular(self._readout.font()))
        self._log = tool_button("logCurves", "logarithmic", "Logarithmic values", text="log", checkable=True)
        self._log.toggled.connect(self._redraw)
        self._clear = button("clearCurves", "Clear", "Forget these curves", self.clear, link=True)
        self._terms = tool_button("curveTerms", "terms", "Choose what is drawn", text="Terms ▾")
        self._menu = QMenu(self._terms)
        self._terms.setMenu(self._menu)
        self._terms.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        body = QWidget()
        inner = column(body, SPACE, SPACE // 2)
        inner.addWidget(self._area, 1)
        inner.addLayout(row(self._readout, None, self._terms, self._log, self._clear, space=SPACE // 2))
        self._empty = EmptyState(
            "ELBO, rate and distortion are drawn here while a model trains.",
            button("curvesTrain", "Training…", "Choose a recipe and train", self.trainingRequested.emit, icon="train"),
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(body)

    # --- told -----------------------------------------------------------------------------------

    def start_run(self, name: str) -> None:
        """Begin another run; the newest few before it stay as fainter curves."""
        self._runs = [*self._runs, Run(name)][-MOST_RUNS:]
        self._kl = None
        self._changed()

    def add_progress(self, epoch: float, values: Mapping[str, float]) -> None:
        """Add running means of the training terms at ``epoch`` (in epochs, with its fraction)."""
        self._run().add(epoch, values)
        self._changed()

    def add_epoch(
        self, epoch: float, train: Mapping[str, float], validation: Mapping[str, float] | None = None
    ) -> None:
        """Add one finished epoch's means over training and validation images."""
        self._run().add(epoch, train, validation)
        self._changed()

    def add_change(self, epoch: float, text: str) -> None:
        """Mark where something was changed by hand, such as β."""
        self._run().changes.append((epoch, text))
        self._changed()

    def set_kl(self, kl: Any | None) -> None:
        """Show each dimension's KL [d] in nats as bars; ``None`` forgets them."""
        self._kl = None if kl is None else np.asarray(kl, dtype=np.float64).reshape(-1)
        self._changed()

    def clear(self) -> None:
        """Forget every run."""
        self._runs, self._kl = [], None
        self._redraw()

    def value(self, term: str, *, validation: bool = False) -> float | None:
        """The newest value of a term of the newest run, ``None`` where there is none."""
        if not self._runs:
            return None
        series = (self._runs[-1].validation if validation else self._runs[-1].train).get(term)
        return None if series is None else series.at(None)

    def shown_terms(self) -> list[str]:
        """The terms that have a plot now, from top to bottom."""
        return list(self._plots)

    def _run(self) -> Run:
        if not self._runs:
            self._runs.append(Run(""))
        return self._runs[-1]

    def _changed(self) -> None:
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    # --- drawing --------------------------------------------------------------------------------

    def _redraw(self) -> None:
        terms = list(dict.fromkeys(term for run in self._runs for term in run.terms()))
        terms.sort(key=lambda term: SHOWN_FIRST.index(term) if term in SHOWN_FIRST else len(SHOWN_FIRST))
        if self._kl is not None:
            terms.append(KL)
        self._stack.setCurrentIndex(1 if terms else 0)
        self._match_checks(terms)
        self._match_plots([term for term in terms if self._checks[term].isChecked()])
        self._fit_epochs()
        for term, plot in self._plots.items():
            if isinstance(plot, KlBars):
                plot.show_kl(self._kl if self._kl is not None else np.zeros(0))
            else:
                plot.show_runs(self._runs, term, log=self._log.isChecked())
        self._write()

    def _match_checks(self, terms: list[str]) -> None:
        if list(self._checks) == terms:
            return
        chosen = {term: check.isChecked() for term, check in self._checks.items()}
        self._menu.clear()
        self._checks = {}
        for place, term in enumerate(terms):
            check = self._menu.addAction(_dot(self._colour(place)), _title(term))
            check.setObjectName(f"curve_{term}")
            check.setCheckable(True)
            check.setChecked(chosen.get(term, term in SHOWN_FIRST))
            check.toggled.connect(self._redraw)
            self._checks[term] = check

    def _match_plots(self, shown: list[str]) -> None:
        if list(self._plots) == shown and not self._wears_old_colours:
            return
        self._wears_old_colours = False
        self._canvas.clear()
        self._plots = {}
        first: TermPlot | None = None
        for place, term in enumerate(shown):
            colour = self._colour(list(self._checks).index(term))
            plot: TermPlot | KlBars = KlBars(colour) if term == KL else TermPlot(_title(term), colour)
            plot.set_tokens(tokens())
            self._canvas.addItem(plot, place, 0)
            if isinstance(plot, TermPlot):
                if first is not None:
                    plot.setXLink(first)
                first = first or plot
                plot.getViewBox().sigRangeChangedManually.connect(self._on_zoomed)
            self._plots[term] = plot
        lines = [plot for plot in self._plots.values() if isinstance(plot, TermPlot)]
        for line in lines:
            line.show_epochs(line is lines[-1])
            line.name_changes(line is lines[0])
        self._canvas.setMinimumHeight(ROW_HEIGHT * len(shown) + 16 if shown else 0)

    def _fit_epochs(self) -> None:
        """Show all epochs, in whole numbers so that the axis seldom changes, unless the user has zoomed."""
        lines = [plot for plot in self._plots.values() if isinstance(plot, TermPlot)]
        if lines and not self._zoomed:
            latest = max((run.latest() for run in self._runs), default=0.0)
            wanted = (0.0, max(1.0, float(np.ceil(latest))))
            if tuple(lines[0].getViewBox().viewRange()[0]) != wanted:
                lines[0].setXRange(*wanted, padding=0)

    def _colour(self, place: int) -> str:
        series = tokens().series
        return series[place % len(series)]

    def _write(self) -> None:
        """Write the values under the pointer, or the newest, over the plots."""
        run = self._runs[-1] if self._runs else Run("")
        none = Series()
        for term, plot in self._plots.items():
            if isinstance(plot, TermPlot):
                train = run.train.get(term, none).at(self._hover)
                plot.write(train, run.validation.get(term, none).at(self._hover))
                plot.show_hover(self._hover)
        if self._hover is not None:
            self._readout.setText(f"epoch {self._hover:.2f}")
        else:
            self._readout.setText(" · ".join(each.name for each in reversed(self._runs) if each.name))

    # --- events ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what came while hidden."""
        super().showEvent(event)
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Draw anew in another scheme's colours."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_stack"):
            self._canvas.setBackground(tokens().surface)
            for place, check in enumerate(self._checks.values()):
                check.setIcon(_dot(self._colour(place)))
            # Not now: the palette is just being handed down to the very items that would be deleted.
            self._wears_old_colours = True
            self._timer.start()
        super().changeEvent(event)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """Forget the hovered epoch when the pointer leaves."""
        if event.type() == QEvent.Type.Leave and self._hover is not None:
            self._hover = None
            self._write()
        return bool(super().eventFilter(watched, event))

    def _on_scene_mouse_moved(self, place: Any) -> None:
        for plot in self._plots.values():
            if isinstance(plot, TermPlot) and plot.sceneBoundingRect().contains(place):
                self._hover = max(0.0, plot.getViewBox().mapSceneToView(place).x())
                self._write()
                return

    def _on_scene_mouse_clicked(self, event: Any) -> None:
        if event.double():
            self._zoomed = False
            self._redraw()

    def _on_zoomed(self) -> None:
        self._zoomed = True
        self._changed()


def _title(term: str) -> str:
    return _TITLES.get(term, term.replace("_", " "))


def _dot(colour: str) -> QIcon:
    drawn = QPixmap(20, 20)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(4, 4, 12, 12)
    painter.end()
    return QIcon(drawn)
