"""Prepared images of a dataset, with the formats, modes and sizes of their sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from latentlab.data.dataset import digest_of
from latentlab.data.types import FileStats, Images, Labels

Kind = tuple[str, str, str]

_MAX_SIZES = 20


@dataclass(frozen=True)
class PreparedImages:
    """Images prepared from a list of items (files, or rows of an array).

    Attributes
    ----------
    images
        uint8 [N, C, H, W], of the readable items in order.
    codes
        int32 [items]: index into ``kinds``, -1 where the item could not be read.
    kinds
        Format, mode and size ("640×480") of the files.
    reasons
        Why an item could not be read, by its index.
    notes
        What of some items was not used or looked wrong, with the number of items and the index of the first.
    digest
        `latentlab.data.dataset.digest_of` the images; stored in the cache to save the time.
    """

    images: Images
    codes: NDArray[np.int32]
    kinds: list[Kind]
    reasons: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    digest: str = ""

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", digest_of(self.images))

    @cached_property
    def item_index(self) -> Labels:
        """int64 [N]: each image's item."""
        return np.flatnonzero(self.codes >= 0).astype(np.int64)

    def file_stats(self) -> FileStats:
        """Statistics of the files, with the most frequent sizes."""
        counts = np.bincount(self.codes[self.item_index], minlength=len(self.kinds)).tolist()
        formats, modes, sizes = Counter[str](), Counter[str](), Counter[str]()
        for (format, mode, size), count in zip(self.kinds, counts, strict=True):
            if count:
                formats[format] += count
                modes[mode] += count
                sizes[size] += count
        named = dict(sizes.most_common(_MAX_SIZES))
        return FileStats(dict(formats.most_common()), dict(modes.most_common()), named, len(sizes) - len(named))
