"""The data behind the training curves: the terms of runs over epochs (no widgets)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latentlab.config.events import ranking_term

FloatArray = NDArray[np.float64]
MAX_POINTS = 4000


class Series:
    """Values over epochs, thinned evenly above ``MAX_POINTS``; the first and the newest point are always kept."""

    def __init__(self) -> None:
        self._points = np.zeros((MAX_POINTS + 1, 2))
        self._count = 0

    def add(self, epoch: float, value: float) -> None:
        """Add a point; points at or after its epoch, left from before a resume, are dropped."""
        if self._count and self._points[self._count - 1, 0] >= epoch:
            self._count = int(np.searchsorted(self._points[: self._count, 0], epoch))
        self._points[self._count] = epoch, value
        self._count += 1
        if self._count > MAX_POINTS:
            kept = np.concatenate([self._points[: self._count - 1 : 2], self._points[self._count - 1 : self._count]])
            self._count = len(kept)
            self._points[: self._count] = kept

    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Epochs and values, in order, as views that the next ``add`` may change."""
        return self._points[: self._count, 0], self._points[: self._count, 1]

    def has_within(self, first: float, last: float) -> bool:
        """Whether there is a point strictly between two epochs."""
        epochs, _values = self.arrays()
        return bool(np.searchsorted(epochs, last, side="left") > np.searchsorted(epochs, first, side="right"))

    def at(self, epoch: float | None) -> float | None:
        """The value of the point nearest to ``epoch``; the newest for ``None``."""
        epochs, values = self.arrays()
        if not epochs.size:
            return None
        if epoch is None:
            return float(values[-1])
        return float(values[np.abs(epochs - epoch).argmin()])


@dataclass
class CurveSet:
    """One run's curves: its terms over training and validation images, and the settings changed during the run.

    Attributes
    ----------
    name, key
        The name shown, and the key that identifies the run.
    colour_index
        Index of its colour in the theme's series.
    kl
        Its newest KL of each dimension [d], in nats.
    changes
        Epoch and text of each change.
    likelihood
        What its pixels are: ``bernoulli``, ``gaussian`` and so on; empty if it is not known.
    """

    name: str
    key: str = ""
    colour_index: int = 0
    shown: bool = True
    kl: FloatArray | None = None
    train: dict[str, Series] = field(default_factory=dict)
    validation: dict[str, Series] = field(default_factory=dict)
    changes: list[tuple[float, str]] = field(default_factory=list)
    likelihood: str = ""

    def add(self, epoch: float, train: Mapping[str, float], validation: Mapping[str, float] | None = None) -> None:
        """Add a point to each of these terms."""
        for terms, values in ((self.train, train), (self.validation, validation or {})):
            for name, value in values.items():
                terms.setdefault(name, Series()).add(epoch, value)

    def add_epoch(self, epoch: int, train: Mapping[str, float], validation: Mapping[str, float] | None) -> None:
        """Add the means of a completed epoch; over training images only for terms without points inside the epoch.

        A mean over an epoch is of weights half an epoch old on average: drawn at the epoch's end it would not meet the
        points that were drawn within it.
        """
        drawn = {name for name, series in self.train.items() if series.has_within(epoch - 1, epoch)}
        self.add(epoch, {name: value for name, value in train.items() if name not in drawn}, validation)

    def latest(self) -> float:
        """The newest epoch of any term; 0 if there is none."""
        last = [
            epochs[-1]
            for each in (*self.train.values(), *self.validation.values())
            if (epochs := each.arrays()[0]).size
        ]
        return float(max(last, default=0.0))

    def best(self, term: str) -> tuple[float, float] | None:
        """The epoch with the highest validation bound, whose model is kept, and that bound; ``None`` without any.

        Only if ``term`` is the bound by which this run's epochs are ranked.
        """
        series = self.validation.get(term) if term == ranking_term(self.validation) else None
        epochs, values = series.arrays() if series is not None else (np.zeros(0), np.zeros(0))
        if not np.isfinite(values).any():
            return None
        index = int(np.nanargmax(values))
        return float(epochs[index]), float(values[index])

    def change_near(self, epoch: float, reach: float) -> str:
        """The change nearest to an epoch, within ``reach`` epochs; empty if there is none."""
        near = [(abs(at - epoch), text) for at, text in self.changes if abs(at - epoch) <= reach]
        return min(near)[1] if near else ""

    def terms(self) -> list[str]:
        """All terms, in the order they were added."""
        return list(dict.fromkeys([*self.train, *self.validation]))
