"""Scores of directions on points that did not take part in finding them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentlab.latent.arrays import FloatArray

NOTHING = 1e-9
"""Relative to the lengths at hand: what is smaller is rounding."""

_NAN = float("nan")


@dataclass(frozen=True)
class Scores:
    """What held-out points say of a direction; see ``Direction``."""

    cohens_d: float
    accuracy: float
    r2: float = _NAN


class HeldOut:
    """Scores of a grouping of the same points [N, d], again and again."""

    def __init__(self, points: FloatArray, folds: int) -> None:
        self._points, self._folds = points, folds

    def of(self, is_first: NDArray[np.bool_], random: np.random.Generator) -> Scores:
        """Cohen's d and accuracy of a grouping, bool [N]; the parts are drawn within each group."""
        fold = np.empty(len(is_first), np.int64)
        for group in (is_first, ~is_first):
            count = int(group.sum())
            fold[group] = random.permutation(count) % self._folds
        cell = fold + self._folds * ~is_first
        members = np.zeros((2 * self._folds, len(cell)))
        members[cell, np.arange(len(cell))] = 1
        sums = (members @ self._points).reshape(2, self._folds, -1)
        sizes = members.sum(axis=1).reshape(2, self._folds, 1)
        others = (sums.sum(axis=1, keepdims=True) - sums) / (sizes.sum(axis=1, keepdims=True) - sizes)
        vectors = others[0] - others[1]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = vectors / np.where(lengths > 0, lengths, 1)
        middle = np.einsum("kd,kd->k", units, (others[0] + others[1]) / 2)
        position = (self._points @ units.T)[np.arange(len(fold)), fold] - middle[fold]
        return Scores(_cohens_d(position, is_first), _balanced_accuracy(position, is_first))


@dataclass(frozen=True)
class RidgeFit:
    """A linear prediction."""

    weights: FloatArray
    intercept: float

    def predict(self, points: FloatArray) -> FloatArray:
        """Values [n] at points [n, d]."""
        predicted: FloatArray = points @ self.weights + self.intercept
        return predicted


class HeldOutRidge:
    """Scores of predicting values from the same points [N, d], again and again."""

    def __init__(self, points: FloatArray, folds: int, ridge: float | None, random: np.random.Generator) -> None:
        self._fold = random.permutation(len(points)) % folds
        self._points = points
        self._solvers: list[Ridge | None] = [None] * folds
        self._ridge = ridge

    def of(self, values: FloatArray) -> Scores:
        """Scores of predictions on held-out points. The parts are the same for all values: decomposed once."""
        predicted, baseline, position = np.empty((3, len(values)))
        for number in range(len(self._solvers)):
            held = self._fold == number
            solver = self._solvers[number]
            if solver is None:
                solver = self._solvers[number] = Ridge(self._points[~held])
            fit = solver.fit(values[~held], self._ridge)
            predicted[held] = fit.predict(self._points[held])
            baseline[held] = values[~held].mean()
            # At length 1: a part whose penalty is small would else weigh more than the others.
            length = float(np.linalg.norm(fit.weights))
            position[held] = (predicted[held] - baseline[held]) / length if length > 0 else 0
        is_high = upper_half(values)
        variance = float(((values - baseline) ** 2).sum())
        r2 = 1 - float(((values - predicted) ** 2).sum()) / variance if variance > 0 else _NAN
        return Scores(_cohens_d(position, is_high), _balanced_accuracy(position, is_high), r2)


class Ridge:
    """Ridge regression on points [n, d], decomposed once for any values and penalties."""

    def __init__(self, points: FloatArray) -> None:
        self._mean = points.mean(axis=0)
        self._left, strength, self._axes = np.linalg.svd(points - self._mean, full_matrices=False)
        is_spanned = strength > strength.max(initial=0) * 1e-12
        self._strength = np.where(is_spanned, strength, 0)

    def fit(self, values: FloatArray, ridge: float | None) -> RidgeFit:
        """Fit values [n]; without a penalty ``ridge``, that of the least generalised cross-validation error."""
        mean = float(values.mean())
        centred = values - mean
        along = self._left.T @ centred
        penalty = self._best_penalty(centred, along) if ridge is None else ridge
        squares = self._strength**2 + penalty
        weights = self._axes.T @ (self._strength / np.where(squares > 0, squares, 1) * along)
        return RidgeFit(weights, mean - float(self._mean @ weights))

    def _best_penalty(self, centred: FloatArray, along: FloatArray) -> float:
        """The penalty with the least generalised cross-validation error."""
        count, squares = len(centred), self._strength**2
        scale = float(squares.mean()) or 1.0
        penalties = scale * np.logspace(-6, 6, 25)
        kept = squares / (squares + penalties[:, None])  # [penalties, rank]
        outside = float(centred @ centred - along @ along)
        residual = np.maximum(outside, 0) + (((1 - kept) * along) ** 2).sum(axis=1)
        freedom = count - 1 - kept.sum(axis=1)  # one is the mean's
        error = np.where(freedom > 1e-9, residual / np.maximum(freedom, 1e-9) ** 2, np.inf)
        return float(penalties[error.argmin()])


def _cohens_d(position: FloatArray, is_first: NDArray[np.bool_]) -> float:
    first, second = position[is_first], position[~is_first]
    if min(len(first), len(second)) < 2:
        return _NAN
    difference = float(first.mean() - second.mean())
    squares = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    spread = float(np.sqrt(squares / (len(position) - 2)))
    if spread <= NOTHING * abs(difference):
        return float(np.sign(difference)) * float("inf") if difference else 0.0
    return difference / spread


def _balanced_accuracy(position: FloatArray, is_first: NDArray[np.bool_]) -> float:
    """Mean over both groups of the share on the right side of 0; a position of 0 counts half."""
    right = (np.sign(position) * np.where(is_first, 1, -1) + 1) / 2
    return float((right[is_first].mean() + right[~is_first].mean()) / 2)


def upper_half(values: FloatArray) -> NDArray[np.bool_]:
    """Values above the median; where it is the greatest value too, as of mostly ones, those equal to it."""
    median = np.median(values)
    above: NDArray[np.bool_] = values > median
    return above if above.any() else values >= median
