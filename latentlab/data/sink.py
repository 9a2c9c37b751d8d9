"""Where images go as they are made: into memory, and from there into a file when they become many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentlab.data.dataset import Images
from latentlab.errors import InputError

_PREVIEW = 36
_IN_MEMORY = 256 << 20
_COPIED_AT_ONCE = 16 << 20


def mapped(path: Path, shape: tuple[int, ...]) -> Images:
    """Map a file of pixels, copy-on-write: nobody's mistake can reach the file.

    Raises
    ------
    OSError
        When there is no such file, or it has another size.
    """
    size = path.stat().st_size
    if size != int(np.prod(shape, dtype=object)) or not size:
        raise OSError(f"{path} has {size} bytes, not the {shape} that are expected")
    return np.memmap(path, dtype=np.uint8, mode="c", shape=shape)


class Sink:
    """Collects images of one size; grey until the first one in colour comes, RGB from then on.

    Parameters
    ----------
    path
        File that images beyond 256 MB are written to, so that any number fits; ``None`` for memory alone.
        A disk that cannot take them leaves them in memory as long as that lasts.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._chunks: list[Images] = []
        self._shape: tuple[int, ...] = ()
        self._held = 0
        self._written = 0
        self._preview: Images | None = None
        self._shown = False

    @property
    def spilled(self) -> bool:
        """Whether the images are in the file."""
        return self._written > 0

    def add(self, images: Sequence[Images] | Images) -> None:
        """Append images, each uint8 [C, H, W]."""
        if not len(images):
            return
        channels = max(len(image) for image in images)
        if not self._shape:
            self._shape = (channels, *images[0].shape[1:])
        if channels > self._shape[0]:
            self._to_colour(channels)
        chunk = np.empty((len(images), *self._shape), dtype=np.uint8)
        for place, image in zip(chunk, images, strict=True):
            place[...] = image  # a grey image fills all three channels
        self._chunks.append(chunk)
        self._held += chunk.nbytes
        if self._path is not None and (self._held > _IN_MEMORY or self._written):
            self._spill(self._path)

    def preview(self) -> Images | None:
        """The first images, once, as soon as there are enough to look at."""
        if self._shown or not self._chunks or self.spilled:
            return None
        if sum(map(len, self._chunks)) < _PREVIEW:
            return None
        self._shown = True
        return np.concatenate(self._chunks)[:_PREVIEW]

    def finish(self) -> Images:
        """All images, [N, C, H, W]: an array, or the file's map."""
        if self._path is not None and self.spilled:
            return mapped(self._path, (self._written // int(np.prod(self._shape)), *self._shape))
        if not self._chunks:
            return np.empty((0, *(self._shape or (1, 1, 1))), dtype=np.uint8)
        try:
            return self._chunks[0] if len(self._chunks) == 1 else np.concatenate(self._chunks)
        except MemoryError:
            raise InputError(f"{self._held >> 20} MB of images fit neither the memory nor the cache's disk") from None

    def _to_colour(self, channels: int) -> None:
        grey = self._shape
        self._shape = (channels, *grey[1:])
        self._chunks = [np.repeat(chunk, channels, axis=1) for chunk in self._chunks]
        self._held *= channels
        if self._path is not None and self.spilled:
            old = self._path.with_suffix(".grey")
            self._path.rename(old)
            images = mapped(old, (self._written // int(np.prod(grey)), *grey))
            self._written = 0
            step = max(1, _COPIED_AT_ONCE // int(np.prod(self._shape)))
            pending, self._chunks = self._chunks, []
            for start in range(0, len(images), step):
                self._chunks.append(np.repeat(images[start : start + step], channels, axis=1))
                if self._path is not None:
                    self._spill(self._path)
            self._chunks += pending
            old.unlink(missing_ok=True)

    def _spill(self, path: Path) -> None:
        """Write what is held; written, not mapped, since a full disk under a map kills the process."""
        try:
            with path.open("ab") as file:
                for chunk in self._chunks:
                    chunk.tofile(file)
                file.flush()
        except OSError:
            back: list[Images] = []
            if self._written:
                back = [np.fromfile(path, dtype=np.uint8, count=self._written).reshape(-1, *self._shape)]
            path.unlink(missing_ok=True)
            self._chunks = back + self._chunks
            self._path, self._written = None, 0
            return
        self._written += sum(chunk.nbytes for chunk in self._chunks)
        self._chunks, self._held = [], 0
