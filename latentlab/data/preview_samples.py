"""Some unprepared images of an array, to preview other settings without reading the array again."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config.data import DataConfig
from latentlab.data.images.resize import target_size
from latentlab.data.images.to_array import prepare_array
from latentlab.data.images.value_range import ValueFacts, choose_range, to_uint8
from latentlab.data.types import Images, Labels

_MOST = 96
_BYTES = 32 << 20


def sampled_rows(images: Any) -> Labels:
    """int64 [n]: up to 96 evenly spaced rows of an array of images, at most 32 MB."""
    count = min(len(images), _MOST, max(1, _BYTES // images[0].nbytes))
    rows: Labels = np.unique(np.linspace(0, len(images) - 1, count).astype(np.int64))
    return rows


@dataclass(frozen=True)
class PreviewSamples:
    """A few rows of an array of images.

    Attributes
    ----------
    images
        [n, H, W, C] as in the file.
    labels, classes
        Labels [n] of these images, and class names.
    facts
        About the values of the whole array.
    """

    images: NDArray[Any]
    labels: Labels
    classes: tuple[str, ...]
    facts: ValueFacts

    @classmethod
    def from_array(cls, images: Any, labels: Labels, classes: tuple[str, ...], facts: ValueFacts) -> PreviewSamples:
        """Copy up to 96 evenly spaced rows, at most 32 MB."""
        rows = sampled_rows(images)
        return cls(np.ascontiguousarray(images[rows]), labels[rows], classes, facts)

    def prepare(self, config: DataConfig, most: int) -> Generator[None, None, Images]:
        """Prepare up to ``most`` images of the configured classes; yields after each.

        Returns
        -------
        uint8 [n, C, H, W]; RGB if one of them is in colour.
        """
        rows = np.arange(len(self.images))
        if config.classes:
            numbers = [number for number, name in enumerate(self.classes) if name in config.classes]
            rows = rows[np.isin(self.labels, numbers)]
        if len(rows) > most:
            rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
        chosen = choose_range(self.facts, config.levels)
        height, width = self.images.shape[1:3]
        target = target_size([(width, height)], config)
        prepared = []
        for row in rows.tolist():
            prepared.append(
                prepare_array(to_uint8(self.images[row], (chosen.low, chosen.high)).transpose(2, 0, 1), target, config)
            )
            yield
        channels = max(map(len, prepared), default=1)
        shape = len(prepared), channels, target[1], target[0]
        if not prepared:
            return np.empty(shape, dtype=np.uint8)
        return np.stack([np.broadcast_to(image, shape[1:]) for image in prepared])
