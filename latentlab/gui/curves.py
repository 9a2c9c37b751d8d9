"""The curves of a training as it runs: ELBO, rate, distortion and the recipe's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPixmap, QShowEvent
from PySide6.QtWidgets import QFrame, QMenu, QScrollArea, QStackedLayout, QToolButton, QWidget

from latentlab.gui.parts import ElidedLabel, EmptyState, button, column, named, row, tool_button
from latentlab.gui.series import FloatArray, Run
from latentlab.gui.theme import SPACE, tabular, tokens

if TYPE_CHECKING:
    from latentlab.gui.curve_canvas import CurveCanvas

SHOWN_FIRST = ("elbo", "rate", "distortion")
KL = "kl"
MOST_RUNS = 5
REDRAW_MS = 160
STEP_MS = 20  # between two plots of one redrawing
SAME_CHANGE = 0.05  # epochs: a slider that is dragged makes one mark
_TITLES = {
    "elbo": "ELBO",
    KL: "KL per dimension",
    "active_units": "active units (KL above .01 nats)",
    "device_memory": "memory, MiB",
}


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
        self._canvas: CurveCanvas | None = None
        self._is_old = self._is_half_drawn = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timer)
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
        """Mark where something was changed by hand, such as β; a change right after another takes its place."""
        changes, what = self._run().changes, text.partition(" ")[0]
        if changes and changes[-1][1].partition(" ")[0] == what and epoch - changes[-1][0] < SAME_CHANGE:
            changes.pop()
        changes.append((epoch, text))
        self._changed()

    def mark_epoch(self, epoch: float | None) -> None:
        """Read every curve at an epoch that is looked at, until the pointer reads elsewhere; ``None`` at the newest."""
        if self._canvas is not None:
            self._canvas.read_at(epoch)

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
        return [] if self._canvas is None else list(self._canvas.plots)

    def _run(self) -> Run:
        if not self._runs:
            self._runs.append(Run(""))
        return self._runs[-1]

    def _changed(self) -> None:
        self._is_old = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start(REDRAW_MS)

    # --- drawing --------------------------------------------------------------------------------

    def _on_timer(self) -> None:
        """Draw what has come, one plot at a time: all at once would cost a frame."""
        if not self._is_half_drawn:
            self._prepare()
        self._is_half_drawn = self._canvas is not None and self._canvas.draw_next()
        if self._is_half_drawn:
            self._timer.start(STEP_MS)
        elif self._is_old:
            self._timer.start(REDRAW_MS)

    def _redraw(self) -> None:
        """Draw everything now."""
        self._prepare()
        while self._canvas is not None and self._canvas.draw_next():
            pass
        self._is_half_drawn = False

    def _prepare(self) -> None:
        self._is_old = False
        terms = list(dict.fromkeys(term for run in self._runs for term in run.terms()))
        terms.sort(key=lambda term: SHOWN_FIRST.index(term) if term in SHOWN_FIRST else len(SHOWN_FIRST))
        if self._kl is not None:
            terms.append(KL)
        self._stack.setCurrentIndex(1 if terms else 0)
        self._match_checks(terms)
        if terms:
            self._canvas = self._canvas or self._make_canvas()
        if self._canvas is not None:
            colours = {term: self._colour(place) for place, term in enumerate(self._checks)}
            shown = {term: (_title(term), colours[term]) for term in terms if self._checks[term].isChecked()}
            self._canvas.draw(shown, self._runs, self._kl, log=self._log.isChecked())
        self._on_hovered(None if self._canvas is None else self._canvas.read)

    def _make_canvas(self) -> CurveCanvas:
        # Only now: importing pyqtgraph takes as long as painting the whole window.
        from latentlab.gui.curve_canvas import CurveCanvas

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
        for place, term in enumerate(terms):
            check = self._menu.addAction(_dot(self._colour(place)), _title(term))
            check.setObjectName(f"curve_{term}")
            check.setCheckable(True)
            check.setChecked(chosen.get(term, term in SHOWN_FIRST))
            check.toggled.connect(self._redraw)
            self._checks[term] = check

    def _colour(self, place: int) -> str:
        series = tokens().series
        return series[place % len(series)]

    def _on_hovered(self, epoch: float | None) -> None:
        """Say which epoch is read, or which runs are drawn."""
        names = " · ".join(each.name for each in reversed(self._runs) if each.name)
        self._readout.setText(names if epoch is None else f"epoch {epoch:.2f}")

    # --- events ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what came while hidden."""
        super().showEvent(event)
        self._redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Draw anew in another scheme's colours."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_stack"):
            for place, check in enumerate(self._checks.values()):
                check.setIcon(_dot(self._colour(place)))
            if self._canvas is not None:
                self._canvas.wear_new_colours()
                self._is_half_drawn = False
                self._timer.start(REDRAW_MS)
        super().changeEvent(event)


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
