"""Columns of the user's own: each image has the tag that was given to it last, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentlab.utils.array_types import IntArray


@dataclass(frozen=True, eq=False)
class Tag:
    """A value that some images have in a column of the user's own.

    Attributes
    ----------
    column, value
        As the user named them.
    images
        int64 [k], numbers of the images in the dataset, ascending.
    """

    column: str
    value: str
    images: IntArray


def tag_columns(tags: Iterable[Tag], images: IntArray) -> dict[str, NDArray[np.str_]]:
    """The columns of ``images`` [n], numbers in the dataset in any order: text [n] by name, "" for no tag.

    Of two tags of a column that an image has, the later one counts.
    """
    chosen: dict[str, list[tuple[str, NDArray[np.bool_]]]] = {}
    for tag in tags:
        chosen.setdefault(tag.column, []).append((tag.value, np.isin(images, tag.images)))
    columns = {}
    for column, values in chosen.items():
        longest = max(1, *(len(value) for value, _ in values))
        texts = np.zeros(len(images), f"<U{longest}")
        for value, rows in values:
            texts[rows] = value
        columns[column] = texts
    return columns
