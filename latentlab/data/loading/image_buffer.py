"""Collects prepared images in memory, and in a file once there are many."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from latentlab.data.types import Images, LoadProgress
from latentlab.errors import InputError

_PREVIEW = 36
# Windows cannot rename a folder with a mapped file in it, so that a mapped cache entry could not be stored there.
_IN_MEMORY = (256 if os.name == "nt" else 16) << 20
CHUNK_BYTES = 8 << 20


def map_images(path: Path, shape: tuple[int, ...]) -> Images:
    """Map a file of pixels read-only: a private map of a file larger than the memory would be refused.

    Raises
    ------
    OSError
        When the file does not exist or has another size.
    """
    size = path.stat().st_size
    if size != int(np.prod(shape, dtype=object)) or not size:
        raise OSError(f"{path} has {size} bytes, not the {shape} that are expected")
    return np.memmap(path, dtype=np.uint8, mode="r", shape=shape)


class ImageBuffer:
    """Collects images of one size: grey until the first colour image is added, RGB from then on.

    Parameters
    ----------
    path
        File to which images are written once there are many, so that any number fits and the disk works while others
        are decoded; ``None`` for memory only. If writing fails, all images are kept in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._chunks: list[Images] = []
        self._shape: tuple[int, ...] = ()
        self._held = 0
        self._written = 0
        self._previewed = False

    @property
    def spilled(self) -> bool:
        """Whether the images are in the file."""
        return self._written > 0

    def add(self, images: Sequence[Images] | Images) -> Generator[LoadProgress, None, None]:
        """Append images, each uint8 [C, H, W]; yields progress only while earlier images are converted to RGB."""
        if not len(images):
            return
        channels = max(len(image) for image in images)
        if not self._shape:
            self._shape = (channels, *images[0].shape[1:])
        if channels > self._shape[0]:
            yield from self._to_colour(channels)
        chunk = np.empty((len(images), *self._shape), dtype=np.uint8)
        for row, image in zip(chunk, images, strict=True):
            row[...] = image  # a grey image is broadcast to three channels
        self._append(chunk)

    def preview(self) -> Images | None:
        """The first images, returned once, as soon as there are enough of them."""
        if self._previewed or not self._chunks or self.spilled:
            return None
        if sum(map(len, self._chunks)) < _PREVIEW:
            return None
        self._previewed = True
        return np.concatenate(self._chunks)[:_PREVIEW]

    def finish(self) -> Generator[LoadProgress, None, Images]:
        """Return all images, [N, C, H, W], as an array or a memory map; yields progress."""
        while self._path is not None and self.spilled and self._chunks:
            self._spill(self._path)
            yield LoadProgress(0, None, "Writing images")
        if self._path is not None and self.spilled:
            return map_images(self._path, (self._written // int(np.prod(self._shape)), *self._shape))
        if not self._chunks:
            return np.empty((0, *(self._shape or (1, 1, 1))), dtype=np.uint8)
        count = sum(map(len, self._chunks))
        try:
            images = np.empty((count, *self._shape), dtype=np.uint8)
        except MemoryError:
            raise InputError(
                f"{self._held >> 20} MB of images fit neither into memory nor on the cache's disk"
            ) from None
        done = 0
        for chunk in self._chunks:
            images[done : done + len(chunk)] = chunk
            done += len(chunk)
            if done * chunk[0].nbytes % CHUNK_BYTES < chunk.nbytes:
                yield LoadProgress(done, count, "Joining images")
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
        images = map_images(old, (self._written // int(np.prod(grey)), *grey))
        pending, self._chunks, self._written = self._chunks, [], 0
        step = max(1, CHUNK_BYTES // int(np.prod(self._shape)))
        for start in range(0, len(images), step):
            self._append(np.repeat(images[start : start + step], channels, axis=1))
            yield LoadProgress(start, len(images), "Converting grey images to RGB")
        self._chunks += pending
        old.unlink(missing_ok=True)

    def _append(self, chunk: Images) -> None:
        """Add a chunk, and write the oldest chunks when too much is in memory."""
        self._chunks.append(chunk)
        self._held += chunk.nbytes
        if self._path is not None and self._held > (CHUNK_BYTES if self._written else _IN_MEMORY):
            self._spill(self._path)

    def _spill(self, path: Path) -> None:
        """Write the first 8 MB in memory. Not through a memory map: a full disk would then kill the process."""
        count, size = 0, 0
        while count < len(self._chunks) and size < CHUNK_BYTES:
            size += self._chunks[count].nbytes
            count += 1
        try:
            with path.open("ab") as file:
                for chunk in self._chunks[:count]:
                    file.write(chunk.data)
                file.flush()
                if hasattr(os, "posix_fadvise"):
                    # Makes Linux start writing now, so that the disk is done soon after the last image.
                    os.posix_fadvise(file.fileno(), self._written, size, os.POSIX_FADV_DONTNEED)
        except OSError:
            self._read_back(path)
            return
        del self._chunks[:count]
        self._written += size
        self._held -= size

    def _read_back(self, path: Path) -> None:
        """Read back what was written, and write nothing more."""
        if self._written:
            self._chunks.insert(0, np.fromfile(path, dtype=np.uint8, count=self._written).reshape(-1, *self._shape))
        path.unlink(missing_ok=True)
        self._held += self._written
        self._path, self._written = None, 0
