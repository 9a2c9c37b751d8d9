"""The numbers behind the training curves: runs of named terms over epochs (no widgets)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
MOST_POINTS = 4000


class Series:
    """Values over epochs, thinned evenly when they grow many: the first and the newest point always stay."""

    def __init__(self) -> None:
        self._points = np.zeros((MOST_POINTS + 1, 2))
        self._count = 0

    def add(self, epoch: float, value: float) -> None:
        """Add a point; points at or after its epoch, from before a resume, are replaced."""
        if self._count and self._points[self._count - 1, 0] >= epoch:
            self._count = int(np.searchsorted(self._points[: self._count, 0], epoch))
        self._points[self._count] = epoch, value
        self._count += 1
        if self._count > MOST_POINTS:
            kept = np.concatenate([self._points[: self._count - 1 : 2], self._points[self._count - 1 : self._count]])
            self._count = len(kept)
            self._points[: self._count] = kept

    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Epochs and values, in order (views: use them before the next ``add``)."""
        return self._points[: self._count, 0], self._points[: self._count, 1]

    def has_within(self, first: float, last: float) -> bool:
        """Whether there is a point between two epochs, neither counted."""
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
    """One run's terms, over training and validation images, and what was changed by hand meanwhile.

    ``key`` tells it from others, ``place`` is that of its colour in the theme's series, ``kl`` its newest KL of each
    dimension [d] in nats.
    """

    name: str
    key: str = ""
    place: int = 0
    shown: bool = True
    kl: FloatArray | None = None
    train: dict[str, Series] = field(default_factory=dict)
    validation: dict[str, Series] = field(default_factory=dict)
    changes: list[tuple[float, str]] = field(default_factory=list)

    def add(self, epoch: float, train: Mapping[str, float], validation: Mapping[str, float] | None = None) -> None:
        """Add a point to every term named."""
        for home, values in ((self.train, train), (self.validation, validation or {})):
            for name, value in values.items():
                home.setdefault(name, Series()).add(epoch, value)

    def add_epoch(self, epoch: int, train: Mapping[str, float], validation: Mapping[str, float] | None) -> None:
        """Add the means of an epoch that has ended; over training images only of terms not followed within it.

        Such a mean is of weights half an epoch old: at its end it would stand apart from what was followed up to there.
        """
        followed = {name for name, series in self.train.items() if series.has_within(epoch - 1, epoch)}
        self.add(epoch, {name: value for name, value in train.items() if name not in followed}, validation)

    def latest(self) -> float:
        """The newest epoch of any term, 0 before the first."""
        last = [
            epochs[-1]
            for each in (*self.train.values(), *self.validation.values())
            if (epochs := each.arrays()[0]).size
        ]
        return float(max(last, default=0.0))

    def best(self) -> tuple[float, float] | None:
        """The epoch of the highest ELBO over validation images, whose model is kept, and that ELBO.

        ``None`` where there are none.
        """
        series = self.validation.get("elbo")
        epochs, values = series.arrays() if series is not None else (np.zeros(0), np.zeros(0))
        if not np.isfinite(values).any():
            return None
        place = int(np.nanargmax(values))
        return float(epochs[place]), float(values[place])

    def change_near(self, epoch: float, reach: float) -> str:
        """What was changed by hand nearest to an epoch, within ``reach`` epochs; empty for nothing."""
        near = [(abs(at - epoch), text) for at, text in self.changes if abs(at - epoch) <= reach]
        return min(near)[1] if near else ""

    def terms(self) -> list[str]:
        """Every term there is, in the order met."""
        return list(dict.fromkeys([*self.train, *self.validation]))
