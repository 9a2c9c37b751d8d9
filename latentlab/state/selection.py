"""The images selected on the map (no Qt): which they are, and how another selection changes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from latentlab.engine.protocol.messages import PointsChanged, Ranking, SnapshotRead
from latentlab.utils.array_types import IntArray

_LONGEST_DESCRIPTION = 200  # characters: of a longer one only the last steps are kept

_BY_PLACE = ("lasso", "box")


class SelectMode(StrEnum):
    """What newly chosen images do to the selection."""

    REPLACE = "replace"
    ADD = "add"
    SUBTRACT = "subtract"


@dataclass(frozen=True, eq=False)
class Selection:
    """Some images of a dataset.

    Images and not points: points of later weights, or of a part of the dataset, are in another order.

    Attributes
    ----------
    images
        int64 [k], numbers of the images in the dataset, ascending and distinct.
    fingerprint
        Of the dataset; empty if the points do not say.
    description
        How they were chosen, in a few words: ``lasso``, ``class 3``.
    ranking
        The order they were chosen by, if they are the first of a ranking or some of these.
    """

    images: IntArray
    fingerprint: str = ""
    description: str = ""
    ranking: Ranking | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def is_by_place(self) -> bool:
        """Whether some were drawn round on the map, by a lasso or a box: chosen by their latents."""
        steps = re.split(r" [+−] ", self.description)
        return any(step.replace("not (", "").strip("… )") in _BY_PLACE for step in steps)

    @property
    def ordered(self) -> IntArray:
        """The images, int64 [k]: in the order of their ranking, else ascending."""
        return self.images if self.ranking is None else self.ranking.sorted(self.images)

    def __eq__(self, other: object) -> bool:
        """Whether the same images of the same dataset are selected."""
        if not isinstance(other, Selection):
            return NotImplemented
        return self.fingerprint == other.fingerprint and np.array_equal(self.images, other.images)

    def __hash__(self) -> int:
        """Equal selections have equal hashes."""
        return hash((self.fingerprint, self.images.tobytes()))

    def rows(self, points: PointsChanged | SnapshotRead) -> IntArray:
        """Rows of the points that encode these images, int64 [≤ k]; none if the points are of another dataset."""
        if self.fingerprint != points.fingerprint:
            return np.zeros(0, np.int64)
        if points.index is None:
            images, count = self.images, len(points.mean)
            return images if not len(images) or images[-1] < count else images[images < count]  # ascending
        return np.flatnonzero(_is_member(points.index, self.images))

    def combined(self, other: Selection, mode: SelectMode) -> Selection:
        """Return this selection after ``other`` has replaced it, was added or was taken away.

        Of a selection of another dataset nothing is left: ``other`` then counts as the first one.
        """
        if mode is SelectMode.REPLACE or (self.fingerprint != other.fingerprint and mode is SelectMode.ADD):
            return other
        if self.fingerprint != other.fingerprint:
            return Selection(np.zeros(0, np.int64), other.fingerprint)
        if mode is SelectMode.ADD:
            sign, images, ranking = "+", _united(self.images, other.images), None
        else:
            sign, images, ranking = "−", self.images[~_is_member(self.images, other.images)], self.ranking
        parts = [part for part in (self.description, other.description) if part]
        text = f" {sign} ".join(parts) if len(parts) > 1 else "".join(parts)
        if len(text) > _LONGEST_DESCRIPTION:
            text = f"… {text[len(text) + 2 - _LONGEST_DESCRIPTION :]}"
        return Selection(images, other.fingerprint, text, ranking)


def is_same_choice(one: Selection | None, other: Selection | None) -> bool:
    """Whether two selections are of the same images, in the order of the same values."""
    if one is None or other is None:
        return one is other
    if one.ranking is None or other.ranking is None:
        return one == other and one.ranking is other.ranking
    is_same_order = one.ranking.by == other.ranking.by and np.array_equal(one.ranking.values, other.ranking.values)
    return one == other and is_same_order


def selection_of_rows(points: PointsChanged | SnapshotRead, rows: IntArray, description: str) -> Selection:
    """The selection of some points by their rows [k], in any order."""
    if len(rows) and not (rows[1:] > rows[:-1]).all():
        chosen = np.zeros(len(points.mean), bool)
        chosen[rows] = True
        rows = np.flatnonzero(chosen)
    images = rows if points.index is None else np.sort(points.index[rows])
    return Selection(images, points.fingerprint, description)


def inverted(selection: Selection, points: PointsChanged | SnapshotRead) -> Selection:
    """The points that are not selected."""
    chosen = np.zeros(len(points.mean), bool)
    chosen[selection.rows(points)] = True
    description = f"not ({selection.description})" if selection.description else "not selected"
    return selection_of_rows(points, np.flatnonzero(~chosen), description)


# By a table of all numbers rather than by sorting: ten million images take a twentieth of a second, not one.


def _is_member(numbers: IntArray, images: IntArray) -> NDArray[np.bool_]:
    """Which of the numbers are among the images, bool [n]."""
    if not len(numbers) or not len(images):
        return np.zeros(len(numbers), bool)
    size = max(int(numbers.max()), int(images.max())) + 1
    if size > _LARGEST_TABLE or min(int(numbers.min()), int(images.min())) < 0:
        return np.isin(numbers, images)
    table = np.zeros(size, bool)
    table[images] = True
    found: NDArray[np.bool_] = table[numbers]
    return found


def _united(one: IntArray, other: IntArray) -> IntArray:
    """All images of both, ascending."""
    if not len(one) or not len(other):
        return one if len(one) else other
    size = max(int(one.max()), int(other.max())) + 1
    if size > _LARGEST_TABLE or min(int(one.min()), int(other.min())) < 0:
        return np.union1d(one, other)
    table = np.zeros(size, bool)
    table[one] = table[other] = True
    return np.flatnonzero(table)


_LARGEST_TABLE = 1 << 28
