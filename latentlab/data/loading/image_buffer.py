"""Where images go as they are made: into memory, and from there into a file when they become many."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from latentlab.data.types import Images, LoadProgress
from latentlab.errors import InputError

_PREVIEW = 36
# Windows renames no folder of a file that is mapped, so that what is mapped there cannot be kept.
_IN_MEMORY = (256 if os.name == "nt" else 16) << 20
WRITTEN_AT_ONCE = 8 << 20


def mapped(path: Path, shape: tuple[int, ...]) -> Images:
    """Map a file of pixels for reading: a private map would be refused where the file is larger than the memory.

    Raises
    ------
    OSError
        When there is no such file, or it has another size.
    """
    size = path.stat().st_size
    if size != int(np.prod(shape, dtype=object)) or not size:
        raise OSError(f"{path} has {size} bytes, not the {shape} that are expected")
    return np.memmap(path, dtype=np.uint8, mode="r", shape=shape)


class ImageBuffer:
    """Collects images of one size; grey until the first one in colour comes, RGB from then on.

    Parameters
    ----------
    path
        File that images are written to once they are many, so that any number fits and the disk works
        while they are made; ``None`` for memory alone.
        A disk that cannot take them leaves them in memory as long as that lasts.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._chunks: list[Images] = []
        self._shape: tuple[int, ...] = ()
        self._held = 0
        self._written = 0
        self._shown = False

    @property
    def spilled(self) -> bool:
        """Whether the images are in the file."""
        return self._written > 0

    def add(self, images: Sequence[Images] | Images) -> Generator[LoadProgress, None, None]:
        """Append images, each uint8 [C, H, W]; yields progress only when all before them have to become RGB."""
        if not len(images):
            return
        channels = max(len(image) for image in images)
        if not self._shape:
            self._shape = (channels, *images[0].shape[1:])
        if channels > self._shape[0]:
            yield from self._to_colour(channels)
        chunk = np.empty((len(images), *self._shape), dtype=np.uint8)
        for place, image in zip(chunk, images, strict=True):
            place[...] = image  # a grey image fills all three channels
        self._append(chunk)

    def preview(self) -> Images | None:
        """The first images, once, as soon as there are enough to look at."""
        if self._shown or not self._chunks or self.spilled:
            return None
        if sum(map(len, self._chunks)) < _PREVIEW:
            return None
        self._shown = True
        return np.concatenate(self._chunks)[:_PREVIEW]

    def finish(self) -> Generator[LoadProgress, None, Images]:
        """All images, [N, C, H, W]: an array, or the file's map; yields progress."""
        while self._path is not None and self.spilled and self._chunks:
            self._spill(self._path)
            yield LoadProgress(0, None, "Writing images")
        if self._path is not None and self.spilled:
            return mapped(self._path, (self._written // int(np.prod(self._shape)), *self._shape))
        if not self._chunks:
            return np.empty((0, *(self._shape or (1, 1, 1))), dtype=np.uint8)
        count = sum(map(len, self._chunks))
        try:
            images = np.empty((count, *self._shape), dtype=np.uint8)
        except MemoryError:
            raise InputError(f"{self._held >> 20} MB of images fit neither the memory nor the cache's disk") from None
        done = 0
        for chunk in self._chunks:
            images[done : done + len(chunk)] = chunk
            done += len(chunk)
            if done * chunk[0].nbytes % WRITTEN_AT_ONCE < chunk.nbytes:
                yield LoadProgress(done, count, "Putting images together")
        self._chunks.clear()
        return images

    def _to_colour(self, channels: int) -> Generator[LoadProgress, None, None]:
        grey = self._shape
        self._shape = (channels, *grey[1:])
        self._chunks = [np.repeat(chunk, channels, axis=1) for chunk in self._chunks]
        self._held *= channels
        if self._path is None or not self.spilled:
            return
        old = self._path.with_suffix(".grey")
        self._path.rename(old)
        images = mapped(old, (self._written // int(np.prod(grey)), *grey))
        pending, self._chunks, self._written = self._chunks, [], 0
        step = max(1, WRITTEN_AT_ONCE // int(np.prod(self._shape)))
        for start in range(0, len(images), step):
            self._append(np.repeat(images[start : start + step], channels, axis=1))
            yield LoadProgress(start, len(images), "Making grey images RGB")
        self._chunks += pending
        old.unlink(missing_ok=True)

    def _append(self, chunk: Images) -> None:
        """Take a chunk, and write the oldest when too much is held."""
        self._chunks.append(chunk)
        self._held += chunk.nbytes
        if self._path is not None and self._held > (WRITTEN_AT_ONCE if self._written else _IN_MEMORY):
            self._spill(self._path)

    def _spill(self, path: Path) -> None:
        """Write the first few megabytes held; written, not mapped, since a full disk under a map kills the process."""
        count, size = 0, 0
        while count < len(self._chunks) and size < WRITTEN_AT_ONCE:
            size += self._chunks[count].nbytes
            count += 1
        try:
            with path.open("ab") as file:
                for chunk in self._chunks[:count]:
                    file.write(chunk.data)
                file.flush()
                if hasattr(os, "posix_fadvise"):
                    # Linux begins to write what is new, so that the disk is done soon after the last image.
                    os.posix_fadvise(file.fileno(), self._written, size, os.POSIX_FADV_DONTNEED)
        except OSError:
            self._read_back(path)
            return
        del self._chunks[:count]
        self._written += size
        self._held -= size

    def _read_back(self, path: Path) -> None:
        """Take back what has been written, and write no more."""
        if self._written:
            self._chunks.insert(0, np.fromfile(path, dtype=np.uint8, count=self._written).reshape(-1, *self._shape))
        path.unlink(missing_ok=True)
        self._held += self._written
        self._path, self._written = None, 0
