"""The training curves: ELBO, rate, distortion and the recipe's own terms over epochs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QPainter, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedLayout, QToolButton, QWidget

from latentlab.config.events import IMPORTANCE_BOUND
from latentlab.config.layout import ACTIVE_KL
from latentlab.gui.curves.run_legend import Entry, RunLegend
from latentlab.gui.curves.series import CurveSet, FloatArray
from latentlab.gui.plots.painted import painted_pixels
from latentlab.gui.style.theme import SPACE, current_theme, tabular
from latentlab.gui.widgets.containers import EmptyState
from latentlab.gui.widgets.context_menu import MenuEntry, pop_up
from latentlab.gui.widgets.controls import StayOpenMenu, button, column, label, named, row, tool_button
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.elided_label import ElidedLabel
from latentlab.gui.widgets.plain_text import add_action
from latentlab.gui.widgets.term_card import set_term
from latentlab.utils.text import format_epoch

if TYPE_CHECKING:
    from latentlab.gui.curves.canvas import CurveCanvas

SHOWN_FIRST = ("elbo", IMPORTANCE_BOUND, "rate", "distortion")
KL = "kl"
MAX_RUNS = 7  # the number of colours
REDRAW_MS = 400  # a redraw takes the time of a few frames, one plot per iteration of the event loop
STEP_MS = 20  # between two plots of one redraw
SAME_CHANGE = 0.05  # epochs: dragging a slider makes one mark
_TITLES = {
    "elbo": "ELBO",
    IMPORTANCE_BOUND: "importance-weighted bound",
    KL: "KL per dimension",
    "active_units": f"dimensions in use (KL > {ACTIVE_KL:g})",
    "device_memory": "memory, MiB",
}


class TrainingCurves(QWidget):
    """One small plot per term over epochs: training as a solid line, validation dashed with markers.

    Each run has a colour and a line in the legend. The current run is drawn over the others, and values without a key
    are added to it. All plots share the epoch axis: hovering reads every term at one epoch, the wheel zooms (with Ctrl
    if the plots scroll), a double click resets the zoom, and a ring marks the epoch whose model is kept as the best.
    Redrawn at most every ``REDRAW_MS``, and only while visible.

    Signals
    -------
    trainingRequested
        The empty state's button was pressed: the user wants to train.
    addRunRequested
        Another run's curves should be drawn beside these.
    runRemoved(key)
        The user removed a run's curves, or they made room for another's.
    """

    trainingRequested = Signal()
    addRunRequested = Signal()
    runRemoved = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "trainingCurves", "training curves", "")
        self._runs: list[CurveSet] = []
        self._current: CurveSet | None = None
        self._checks: dict[str, QAction] = {}
        self._canvas: CurveCanvas | None = None
        self._is_stale = self._is_half_drawn = False
        self._timer = Debouncer(REDRAW_MS, self._on_timer, self)
        self._build()

    def _build(self) -> None:
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._readout = ElidedLabel()
        self._readout.setObjectName("curvesReadout")
        self._readout.setFont(tabular(self._readout.font()))
        self._log = tool_button("logCurves", "logarithmic", "Logarithmic scale", text="log", checkable=True)
        self._log.toggled.connect(self._redraw)
        self._add = tool_button(
            "addRun", "add a run", "Compare with another run: draw its curves beside these", text="+"
        )
        self._add.clicked.connect(self.addRunRequested)
        self._clear = button("clearCurves", "Clear", "Remove all curves", self._on_clear, link=True)
        self._legend = RunLegend()
        self._legend.shownToggled.connect(self._on_shown_toggled)
        self._legend.removed.connect(self._on_removed)
        self._scales = label("", "warning", wrap=True)
        self._scales.setObjectName("curveScales")
        set_term(self._scales, "likelihood")
        self._scales.hide()
        self._terms = tool_button("curveTerms", "terms", "Choose which terms are drawn", text="Terms ▾")
        self._menu = StayOpenMenu(self._terms)
        self._terms.setMenu(self._menu)
        self._terms.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        body = QWidget()
        inner = column(body, SPACE, SPACE // 2)
        inner.addWidget(self._legend)
        inner.addWidget(self._scales)
        inner.addWidget(self._area, 1)
        foot = row(self._readout, self._terms, self._log, self._add, self._clear, space=0)
        foot.setStretch(0, 1)
        inner.addLayout(foot)
        self._empty = EmptyState(
            "ELBO, rate and distortion are drawn here while a model trains.",
            button("curvesTrain", "Training…", "Choose a recipe and train", self.trainingRequested.emit, icon="train"),
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(body)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what is done with the curves, by a right click or the Menu key."""
        if self._stack.currentIndex() == 1:
            pop_up(self, "curvesMenu", self.entries(), event.globalPos())

    def entries(self) -> list[MenuEntry | QAction | None]:
        """What can be done with the curves."""
        return [
            *(each for each in self._menu.actions() if not each.isSeparator()),
            None,
            MenuEntry("Logarithmic scale", self._log.toggle, is_checked=self._log.isChecked()),
            MenuEntry("Add a run…", self.addRunRequested.emit),
            MenuEntry("Remove all curves", self._on_clear, "" if self._clear.isEnabled() else "There are none"),
        ]

    # --- runs and values ------------------------------------------------------------------------

    def start_run(self, name: str, key: str = "") -> None:
        """Add a run and make it the current one; a run with the same key is removed."""
        if key:
            self._runs = [run for run in self._runs if run.key != key]
        self._current = CurveSet(name, key, self._free_colour())
        self._insert(self._current, len(self._runs))

    def make_current(self, key: str) -> bool:
        """Make the run with this key the current one; ``False`` if there is none."""
        run = self._find(key)
        if run is None:
            return False
        self._current = run
        self._runs = [*(each for each in self._runs if each is not run), run]
        self._changed()
        return True

    def compare_run(self, name: str, key: str) -> None:
        """Draw another run's curves beside the current one's; its values are added under its key."""
        if self._find(key) is None:
            index = len(self._runs) if self._current is None else self._runs.index(self._current)
            self._insert(CurveSet(name, key, self._free_colour()), index)

    def set_likelihood(self, key: str, likelihood: str) -> None:
        """Set what a run's pixels are: ELBOs of different likelihoods are not on one scale, which is then said."""
        run = self._find(key)
        if run is not None:
            run.likelihood = likelihood
            self._show_scales()

    def _show_scales(self) -> None:
        kinds = sorted({run.likelihood for run in self._runs if run.shown and run.likelihood})
        pixels = " and ".join(kind.replace("-", " ") for kind in kinds)
        pixels = f"{pixels[:1].upper()}{pixels[1:]}"
        self._scales.setText(f"{pixels} pixels: ELBO and distortion of these runs are not on one scale")
        self._scales.setVisible(len(kinds) > 1)

    def remove_run(self, key: str) -> None:
        """Remove a run's curves."""
        self._runs = [run for run in self._runs if run.key != key]
        if self._current not in self._runs:
            self._current = None
        self._redraw()

    def run_keys(self) -> list[str]:
        """Keys of all runs, also hidden ones, the current one last."""
        return [run.key for run in self._runs]

    def current_run(self) -> str | None:
        """Key of the current run; ``None`` before the first."""
        return None if self._current is None else self._current.key

    def add_progress(self, epoch: float, values: Mapping[str, float]) -> None:
        """Add the newest means of the current run's training terms at a fractional ``epoch``."""
        self._run(None).add(epoch, values)
        self._changed()

    def add_epoch(
        self,
        epoch: int,
        train: Mapping[str, float],
        validation: Mapping[str, float] | None = None,
        key: str | None = None,
    ) -> None:
        """Add a completed epoch's means over training and validation images to the run ``key``."""
        self._run(key).add_epoch(epoch, train, validation)
        self._changed()

    def add_change(self, epoch: float, text: str, key: str | None = None) -> None:
        """Mark where a setting such as β was changed; a change of the same setting right after another replaces it."""
        changes, setting = self._run(key).changes, text.partition(" ")[0]
        if changes and changes[-1][1].partition(" ")[0] == setting and epoch - changes[-1][0] < SAME_CHANGE:
            changes.pop()
        changes.append((epoch, text))
        self._changed()

    def mark_epoch(self, epoch: float | None) -> None:
        """Show every curve's value at an epoch until the pointer moves over the plots; ``None`` for the newest."""
        if self._canvas is not None:
            self._canvas.read_at(epoch)

    def set_kl(self, kl: Any | None, key: str | None = None) -> None:
        """Show each dimension's KL [d] in nats as bars; ``None`` removes them."""
        self._run(key).kl = None if kl is None else np.asarray(kl, dtype=np.float64).reshape(-1)
        self._changed()

    def clear(self) -> None:
        """Remove every run."""
        self._runs, self._current = [], None
        self._redraw()

    def value(self, term: str, *, validation: bool = False) -> float | None:
        """The newest value of a term of the current run; ``None`` if there is none."""
        if self._current is None:
            return None
        series = (self._current.validation if validation else self._current.train).get(term)
        return None if series is None else series.at(None)

    def curve(self, term: str, key: str, *, validation: bool = False) -> tuple[FloatArray, FloatArray]:
        """Epochs and values of a term of the run ``key``, in order; empty arrays if there are none."""
        run = self._find(key)
        series = None if run is None else (run.validation if validation else run.train).get(term)
        if series is None:
            return np.zeros(0), np.zeros(0)
        epochs, values = series.arrays()
        return epochs.copy(), values.copy()

    def changes(self, key: str) -> list[tuple[float, str]]:
        """Epoch and text of each setting that was changed during the run ``key``."""
        run = self._find(key)
        return [] if run is None else list(run.changes)

    def shown_terms(self) -> list[str]:
        """The terms that have a plot, from top to bottom."""
        return [] if self._canvas is None else list(self._canvas.plots)

    def show_terms(self, terms: Collection[str]) -> None:
        """Show the plots of these terms only; nothing happens if no run has any of them."""
        if not set(terms).isdisjoint(self._checks):
            for term, check in self._checks.items():
                with QSignalBlocker(check):  # redrawing may make them anew
                    check.setChecked(term in terms)
            self._redraw()

    def is_up_to_date(self) -> bool:
        """Whether all plots are drawn with the newest values."""
        return not self._timer.is_pending() and not self._is_stale

    def has_picture(self) -> bool:
        """Whether curves are drawn."""
        return self._canvas is not None and bool(self._runs)

    def pixels(self, ratio: float = 1.0) -> npt.NDArray[np.uint8]:
        """The plots as they are shown, drawn with ``ratio`` pixels for each logical one, uint8 [H, W, 3]."""
        return painted_pixels(self._canvas_size(), ratio, self._paint)

    def _canvas_size(self) -> tuple[int, int]:
        assert self._canvas is not None
        return max(1, self._canvas.viewport().width()), max(1, self._canvas.viewport().height())

    def _paint(self, painter: QPainter) -> None:
        assert self._canvas is not None
        painter.fillRect(QRectF(0, 0, *self._canvas_size()), self._canvas.backgroundBrush())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._canvas.render(painter, QRectF(0, 0, *self._canvas_size()), self._canvas.viewport().rect())

    def _find(self, key: str) -> CurveSet | None:
        return next((run for run in self._runs if run.key == key), None)

    def _run(self, key: str | None) -> CurveSet:
        """The run with this key, or the current one for ``None``; a new one without a name if there is none."""
        run = self._current if key is None else self._find(key)
        if run is None:
            self.start_run("", key or "")
            assert self._current is not None
            run = self._current
        return run

    def _insert(self, run: CurveSet, index: int) -> None:
        self._runs.insert(index, run)
        if len(self._runs) > MAX_RUNS:
            oldest = next(each for each in self._runs if each is not run and each is not self._current)
            self._runs.remove(oldest)
            self.runRemoved.emit(oldest.key)
        self._changed()

    def _free_colour(self) -> int:
        """Index of the first colour that no run has."""
        taken = {run.colour_index for run in self._runs}
        return next(index for index in range(len(taken) + 1) if index not in taken)

    def _changed(self) -> None:
        self._is_stale = True
        if self.isVisible():
            self._timer.throttle()

    # --- drawing --------------------------------------------------------------------------------

    def _on_timer(self) -> None:
        """Draw the new values, one plot at a time: drawing all at once would take a frame."""
        if not self._is_half_drawn:
            self._prepare()
        self._is_half_drawn = self._canvas is not None and self._canvas.draw_next()
        self._timer.setInterval(STEP_MS if self._is_half_drawn else REDRAW_MS)
        if self._is_half_drawn or self._is_stale:
            self._timer.throttle()

    def _redraw(self) -> None:
        """Draw everything immediately."""
        self._prepare()
        while self._canvas is not None and self._canvas.draw_next():
            pass
        self._is_half_drawn = False

    def _prepare(self) -> None:
        self._is_stale = False
        self._show_scales()
        terms = list(dict.fromkeys(term for run in self._runs for term in run.terms()))
        terms.sort(key=lambda term: SHOWN_FIRST.index(term) if term in SHOWN_FIRST else len(SHOWN_FIRST))
        if any(run.kl is not None for run in self._runs):
            terms.append(KL)
        self._legend.set_entries(
            [Entry(run.key, run.name, run.colour_index, run.shown) for run in reversed(self._runs)]
        )
        self._stack.setCurrentIndex(1 if terms else 0)
        self._match_checks(terms)
        if terms:
            self._canvas = self._canvas or self._make_canvas()
        if self._canvas is not None:
            shown = {term: _title(term) for term in terms if self._checks[term].isChecked()}
            self._canvas.draw(shown, [run for run in self._runs if run.shown], log=self._log.isChecked())
        self._on_hovered(None if self._canvas is None else self._canvas.read)

    def _make_canvas(self) -> CurveCanvas:
        # Imported here: importing pyqtgraph takes as long as painting the whole window.
        from latentlab.gui.curves.canvas import CurveCanvas

        canvas = CurveCanvas()
        canvas.hovered.connect(self._on_hovered)
        canvas.zoomChanged.connect(self._changed)
        self._area.setWidget(canvas)
        return canvas

    def _match_checks(self, terms: list[str]) -> None:
        if list(self._checks) == terms:
            return
        chosen = {term: check.isChecked() for term, check in self._checks.items()}
        self._menu.clear()
        self._checks = {}
        for term in terms:
            check = add_action(self._menu, _title(term))
            check.setObjectName(f"curve_{term}")
            check.setCheckable(True)
            check.setChecked(chosen.get(term, term in SHOWN_FIRST))
            check.toggled.connect(self._redraw)
            self._checks[term] = check

    def _on_hovered(self, epoch: float | None) -> None:
        """Show the epoch under the pointer and the change there, or the name of a single run, which has no legend."""
        if epoch is None or self._canvas is None:
            self._readout.setText(self._runs[0].name if len(self._runs) == 1 else "")
            return
        left, right = self._canvas.shown_epochs()
        change = "" if self._current is None else self._current.change_near(epoch, 0.02 * (right - left))
        self._readout.setText(format_epoch(epoch) + (f" · {change}" if change else ""))

    def _on_shown_toggled(self, key: str, shown: bool) -> None:
        run = self._find(key)
        if run is not None:
            run.shown = shown
            self._redraw()

    def _on_removed(self, key: str) -> None:
        self.remove_run(key)
        self.runRemoved.emit(key)

    def _on_clear(self) -> None:
        keys = [run.key for run in self._runs]
        self.clear()
        for key in keys:
            self.runRemoved.emit(key)

    # --- events ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Draw the values that arrived while hidden."""
        super().showEvent(event)
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Redraw in the new scheme's colours."""
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "_canvas", None) is not None:
            assert self._canvas is not None
            self._canvas.set_theme(current_theme())
            self._is_half_drawn = False
            self._timer.setInterval(REDRAW_MS)
            self._timer.throttle()
        super().changeEvent(event)


def _title(term: str) -> str:
    return _TITLES.get(term, term.replace("_", " "))
