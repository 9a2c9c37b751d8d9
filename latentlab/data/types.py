"""Types shared by the modules of `latentlab.data`: arrays, progress, what was left out, and file statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentlab.utils.text import left_out_summary

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

Splits = NDArray[np.str_]

UNKNOWN = -1
TRAIN, VALIDATION, TEST, UNLABELLED = "train", "validation", "test", "unlabeled"
NO_IMAGE = "not an image by its name"


LeftOutKind = Literal["file", "frame", "array", "row", "column", "folder"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    r"""A part of a source that is not in the dataset, and why.

    Attributes
    ----------
    path
        What it is: a path relative to the dataset's folder (bytes that are not UTF-8 are written as ``\\xNN``), or the
        name of an array, a column, or a row's entry.
    reason
        A few words for the user.
    kind
        What kind of part it is.
    count
        How many there are, if this entry stands for several.
    """

    path: str
    reason: str
    kind: LeftOutKind = "file"
    count: int = 1

    @property
    def is_not_image_file(self) -> bool:
        """Whether its name is not that of an image: such a file is not damaged."""
        return self.reason.startswith(NO_IMAGE)


def summarize_left_out(left_out: Iterable[LeftOut], has_example: bool = True) -> str:
    """What was left out in one line, with the first reason if ``has_example``; empty for nothing.

    Examples
    --------
    >>> summarize_left_out([LeftOut("a.png", "empty file"), LeftOut("masks", "not used as images", "array")])
    '1 file and 1 array left out (a.png: empty file; …)'
    """
    counts = Counter[str]()
    first, first_other = "", ""
    for each in left_out:
        if each.is_not_image_file:
            counts["other file"] += each.count
            first_other = first_other or f"{each.path}: {each.reason}"
        else:
            counts[each.kind] += each.count
            first = first or f"{each.path}: {each.reason}"
    return left_out_summary(counts, (first or first_other) if has_example else "")


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """Progress of loading a dataset.

    Attributes
    ----------
    done, total
        In units of ``message``; ``total`` is ``None`` while unknown.
    message
        The current step, for the status line.
    images
        The first images, uint8 [n, C, H, W]; sent once, if loading takes long enough.
    """

    done: int
    total: int | None
    message: str
    images: Images | None = None


@dataclass(frozen=True, slots=True)
class FileStats:
    """Number of images by file format, pixel mode and size.

    ``sizes`` has the most frequent sizes; ``more_sizes`` is the number of others.
    """

    formats: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    more_sizes: int = 0
