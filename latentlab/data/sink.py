"""Where images go as they are made: uint8, one after the other, in memory or in a file of the cache."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np

from latentlab.data.dataset import Images

_PREVIEW = 36


class Sink:
    """Collects images of one size; grey until the first one in colour comes, RGB from then on.

    Use as a context manager; `add` as often as needed, then `finish`.
    """

    def __init__(self) -> None:
        self._chunks: list[Images] = []
        self._channels = 1
        self._count = 0
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chunks.clear()

    def add(self, images: Sequence[Images]) -> None:
        """Append images, each uint8 [C, H, W]."""
        if not images:
            return
        if self._channels == 1 and any(len(image) == 3 for image in images):
            self._channels = 3
            self._chunks = [np.repeat(chunk, 3, axis=1) for chunk in self._chunks]
        shape = (self._channels, *images[0].shape[1:])
        chunk = np.empty((len(images), *shape), dtype=np.uint8)
        for place, image in zip(chunk, images, strict=True):
            place[...] = image  # a grey image fills all three channels
        self._chunks.append(chunk)
        self._count += len(images)

    def preview(self) -> Images | None:
        """The first images, once, as soon as there are enough to look at."""
        if self._shown or self._count < _PREVIEW:
            return None
        self._shown = True
        return np.concatenate(self._chunks)[:_PREVIEW]

    def finish(self) -> Images:
        """All images, [N, C, H, W]."""
        return np.concatenate(self._chunks)
