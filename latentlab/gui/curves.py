"""The curves of a training as it runs: ELBO, rate, distortion and the recipe's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QCheckBox, QStackedLayout, QWidget
from superqt import QFlowLayout

from latentlab.gui.parts import EmptyState, column, label, named, row, tool_button
from latentlab.gui.theme import SPACE, tokens_of

ALWAYS = ("elbo", "rate", "distortion", "objective")
SHOWN_FIRST = ("elbo", "rate", "distortion")
_TITLES = {"elbo": "ELBO"}


@dataclass
class _Run:
    """The numbers of one run: per term, epochs and values."""

    name: str
    train: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    validation: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


class TrainingCurves(QWidget):
    """Curves over epochs, training as lines and validation with markers; earlier runs stay, fainter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "trainingCurves", "training curves", "")
        self._runs: list[_Run] = []
        self._checks: dict[str, QCheckBox] = {}
        self._changes: list[tuple[float, str]] = []
        self._plot = pg.PlotWidget()
        self._readout = label("", "dim")
        self._log = tool_button("logCurves", "logarithmic", "Logarithmic values", text="log", checkable=True)
        self._body = QWidget()
        self._terms = QFlowLayout()
        inner = column(self._body, SPACE, SPACE // 2)
        inner.addLayout(self._terms)
        inner.addWidget(self._plot, 1)
        inner.addLayout(row(self._readout, None, self._log))
        self._empty = EmptyState("ELBO, rate and distortion are drawn here while a model trains.")
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._body)

    def start_run(self, name: str) -> None:
        """Begin another run; those before stay as fainter curves."""
        self._runs.append(_Run(name))

    def add_progress(self, epoch: float, values: Mapping[str, float]) -> None:
        """Add running means of the training terms at ``epoch`` (in epochs, with its fraction)."""

    def add_epoch(
        self, epoch: float, train: Mapping[str, float], validation: Mapping[str, float] | None = None
    ) -> None:
        """Add one finished epoch's means over training and validation images."""

    def add_change(self, epoch: float, text: str) -> None:
        """Mark where something was changed by hand, such as β."""

    def set_kl(self, kl: Any | None) -> None:
        """Show each dimension's KL [d] in nats as bars."""

    def clear(self) -> None:
        """Forget every run."""
