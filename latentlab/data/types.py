"""Types shared by the modules of `latentlab.data`: arrays, progress, skipped files and file statistics."""

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
    r"""A file that was not loaded, and why.

    Attributes
    ----------
    path
        Relative to the dataset's folder; bytes that are not UTF-8 are written as ``\\xNN``.
    reason
        A few words for the user.
    """

    path: str
    reason: str

    @property
    def is_not_image_file(self) -> bool:
        """Whether its name is not that of an image: such a file is not damaged."""
        return self.reason.startswith(NO_IMAGE)


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
