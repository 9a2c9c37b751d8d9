"""The numbers behind the training curves: runs of named terms over epochs (no widgets)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
MOST_POINTS = 4000


@dataclass
class Series:
    """Values over epochs, thinned evenly when they grow many: the first and the newest point always stay."""

    _points: list[tuple[float, float]] = field(default_factory=list)

    def add(self, epoch: float, value: float) -> None:
        """Add a point; points at or after its epoch, from before a resume, are replaced."""
        while self._points and self._points[-1][0] >= epoch:
            self._points.pop()
        self._points.append((float(epoch), float(value)))
        if len(self._points) > MOST_POINTS:
            self._points = [*self._points[:-1:2], self._points[-1]]

    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Epochs and values, in order."""
        points = np.array(self._points, dtype=np.float64).reshape(-1, 2)
        return points[:, 0], points[:, 1]

    def at(self, epoch: float | None) -> float | None:
        """The value of the point nearest to ``epoch``; the newest for ``None``."""
        if not self._points:
            return None
        if epoch is None:
            return self._points[-1][1]
        epochs, values = self.arrays()
        return float(values[np.abs(epochs - epoch).argmin()])


@dataclass
class Run:
    """One run's terms, over training and validation images, and what was changed by hand meanwhile."""

    name: str
    train: dict[str, Series] = field(default_factory=dict)
    validation: dict[str, Series] = field(default_factory=dict)
    changes: list[tuple[float, str]] = field(default_factory=list)

    def add(self, epoch: float, train: Mapping[str, float], validation: Mapping[str, float] | None = None) -> None:
        """Add a point to every term named."""
        for home, values in ((self.train, train), (self.validation, validation or {})):
            for name, value in values.items():
                home.setdefault(name, Series()).add(epoch, value)

    def terms(self) -> list[str]:
        """Every term there is, in the order met."""
        return list(dict.fromkeys([*self.train, *self.validation]))
