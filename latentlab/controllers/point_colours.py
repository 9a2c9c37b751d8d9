"""What the points' colours stand for: their class, or a column of what else is known of the images."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_CATEGORIES = 12  # a column of more different numbers is a value, not a category
STEPS = 12


class PointColours(NamedTuple):
    """Labels [N] (−1 unknown) with their names; ``ordered`` when they are the steps of a value."""

    labels: NDArray[np.int64]
    names: tuple[str, ...]
    ordered: bool


def point_colours(values: NDArray[Any]) -> PointColours:
    """Colour by a column: text and few different numbers as categories, other numbers in even steps.

    The steps lie between the 1st and the 99th percentile, so that a few far values do not take every colour.
    """
    if values.dtype.kind not in "biuf":
        names, labels = np.unique(values.astype(str), return_inverse=True)
        return PointColours(np.where(names[labels] == "", -1, labels).astype(np.int64), tuple(names.tolist()), False)
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    different = np.unique(numbers[known])
    labels = np.full(len(numbers), -1, np.int64)
    if len(different) <= MOST_CATEGORIES:
        labels[known] = np.searchsorted(different, numbers[known])
        return PointColours(labels, tuple(f"{value:g}" for value in different), len(different) > 2)
    low, high = np.percentile(numbers[known], (1, 99))
    edges = np.linspace(low, high, STEPS + 1)
    labels[known] = np.clip(np.searchsorted(edges, numbers[known], side="right") - 1, 0, STEPS - 1)
    return PointColours(labels, tuple(f"{a:.3g} – {b:.3g}" for a, b in pairwise(edges)), True)
