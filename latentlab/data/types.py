"""Types that the modules of `latentlab.data` share: arrays, progress, and what was skipped or found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

UNKNOWN = -1
NO_IMAGE = "not an image by its name"


@dataclass(frozen=True, slots=True)
class Skipped:
    r"""A file that is not in the dataset, and why.

    Attributes
    ----------
    path
        Relative to the dataset's folder; bytes that are no UTF-8 are shown as ``\\xNN``.
    reason
        A few words for the user.
    """

    path: str
    reason: str

    @property
    def is_not_image_file(self) -> bool:
        """Whether its name does not even say that it is an image: such a file is not broken."""
        return self.reason.startswith(NO_IMAGE)


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a loading is.

    Attributes
    ----------
    done, total
        In units of ``message``; ``total`` is ``None`` while it is not known.
    message
        What runs now, for the status line.
    images
        The first images, uint8 [n, C, H, W], in one of the progresses of a loading that takes long enough to care.
    """

    done: int
    total: int | None
    message: str
    images: Images | None = None


@dataclass(frozen=True, slots=True)
class FileStats:
    """What the files themselves hold, each with its number of images: formats, pixel modes and sizes.

    Of sizes only the most frequent are named; ``more_sizes`` is how many there are besides.
    """

    formats: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    more_sizes: int = 0
