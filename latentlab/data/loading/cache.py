"""Prepared datasets as memory-mapped files: opening a dataset again decodes nothing.

An entry is a folder named by a hash of everything that can change its pixels::

    images.u8     pixels, uint8 [N, C, H, W]
    codes.i4      kind of file of each item (see `latentlab.data.loading.prepared_images.PreparedImages`)
    entry.json    checksum of the rest of this file; shape, kinds, reasons, checksums of the other files

An entry is written to a temporary folder and renamed, so that other processes see a complete entry or none. An entry
whose checksums do not match is removed and made again. Removing an entry that another process has mapped is safe on
POSIX systems, and refused by Windows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.loading.image_buffer import CHUNK_BYTES, map_images
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.types import Images, LoadProgress
from latentlab.paths import CACHE_SIZE_VARIABLE, cache_folder
from latentlab.utils.array_rules import LARGEST_SIDE

MAX_BYTES = 20 << 30
"""The greatest size of the cache in bytes, unless ``LATENTLAB_CACHE_GB`` says another."""

_VERSION = 3
_CHECKED_WHOLE = 4 << 20
_CHECKED_BLOCKS = 64
_BLOCK = 4 << 10
_STALE_SECONDS = 24 * 3600
_LARGEST_ENTRY = 256 << 20  # bytes; a reason for each of a million unreadable files is a third of it
_UNFINISHED = "unfinished-"
# The other fields select images and do not change their pixels.
_PIXEL_FIELDS = {"image_size", "image_height", "channels", "fit", "invert", "levels", "frames", "background"}


def key(config: DataConfig, *cache_identity: str | bytes | int) -> str:
    """Name of an entry: a hash of the pixel settings and of the source's identity."""
    digest = hashlib.blake2b(digest_size=16)
    settings = config.model_dump_json(include=_PIXEL_FIELDS)
    for part in (str(_VERSION), settings, *cache_identity):
        data = part if isinstance(part, bytes) else os.fsencode(str(part))
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


@dataclass
class PendingEntry:
    """An entry that is being written."""

    folder: Path | None

    @property
    def images(self) -> Path | None:
        """Path for the pixels; ``None`` where the cache cannot be written."""
        return self.folder / "images.u8" if self.folder else None


class Cache:
    """The cache in one folder. No method fails when the disk cannot be read or written.

    Parameters
    ----------
    folder
        Default: the platform's cache folder of latentlab.
    max_bytes
        Maximum size; by default 20 GB, or what the environment says.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        self.folder = folder or cache_folder() / "datasets"
        self.max_bytes = _most_bytes() if max_bytes is None else max_bytes

    def size(self) -> int:
        """Bytes of all entries."""
        total = 0
        with suppress(OSError):
            for folder in self.folder.iterdir():
                with suppress(OSError):
                    total += sum(file.stat().st_size for file in folder.iterdir())
        return total

    def clear(self) -> None:
        """Remove every entry; images that are open stay mapped where the system allows it, and are kept elsewhere."""
        with suppress(OSError):
            for folder in list(self.folder.iterdir()):
                if not folder.name.startswith(_UNFINISHED):
                    self.remove(folder)

    def get(self, name: str) -> PreparedImages | None:
        """Return the entry ``name`` with its images mapped; ``None`` when it is missing or damaged."""
        folder = self.folder / name
        try:
            prepared = _read(folder)
        except FileNotFoundError:
            if os.path.exists(folder):
                self.remove(folder)
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.remove(folder)
            return None
        with suppress(OSError):
            os.utime(folder / "entry.json")
        return prepared

    @contextmanager
    def new_entry(self, name: str) -> Iterator[PendingEntry]:
        """Create a temporary folder for a new entry; it is removed at the end unless it was stored."""
        folder = None
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{name[:8]}-", dir=self.folder))
        try:
            yield PendingEntry(folder)
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def store(
        self, name: str, entry: PendingEntry, prepared: PreparedImages
    ) -> Generator[LoadProgress, None, PreparedImages]:
        """Store a finished entry and evict the oldest ones; yields progress.

        Returns
        -------
        ``prepared``, with images that were written to the entry's file mapped from its final path.
        """
        folder = entry.folder
        if folder is None or not len(prepared.images):
            return prepared
        try:
            yield from _write(folder, prepared)
            target = self.folder / name
            if os.path.exists(target):
                self.remove(target)
            folder.rename(target)
        except OSError:
            return prepared  # a full disk, or another process was first: the images can be used all the same
        self.evict(protected=name)
        if isinstance(prepared.images, np.memmap):
            return PreparedImages(
                map_images(target / "images.u8", prepared.images.shape),
                prepared.codes,
                prepared.kinds,
                prepared.reasons,
                prepared.notes,
                prepared.digest,
            )
        return prepared

    def evict(self, protected: str = "") -> None:
        """Remove the least recently used entries until the rest fits, and abandoned temporary folders.

        Parameters
        ----------
        spare
            Name of an entry that is not removed.
        """
        entries = []
        with suppress(OSError):
            for folder in self.folder.iterdir():
                with suppress(OSError):
                    if folder.name.startswith(_UNFINISHED):
                        if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                            shutil.rmtree(folder, ignore_errors=True)
                        continue
                    used = (folder / "entry.json").stat().st_mtime_ns
                    entries.append((used, sum(file.stat().st_size for file in folder.iterdir()), folder))
        total = sum(size for _, size, _ in entries)
        for _, size, folder in sorted(entries):
            if total <= self.max_bytes:
                break
            if folder.name != protected:
                self.remove(folder)
                total -= size

    def remove(self, folder: Path) -> None:
        """Remove an entry."""
        with suppress(OSError):
            # Renamed first: a reader sees a complete entry or none.
            gone = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder)) / "gone"
            with suppress(OSError):
                folder.rename(gone)
            shutil.rmtree(gone.parent, ignore_errors=True)


def _most_bytes() -> int:
    stated = os.environ.get(CACHE_SIZE_VARIABLE, "")
    return int(stated) << 30 if stated.isdecimal() and len(stated) < 7 else MAX_BYTES


def _write(folder: Path, prepared: PreparedImages) -> Generator[LoadProgress, None, None]:
    """Write an entry in steps, and sync its pixels to the disk in a thread.

    The other files are not synced: they are checked completely whenever they are read, and pixels are not.
    """
    message = "Caching images"
    total = len(prepared.images)
    if not isinstance(prepared.images, np.memmap):  # otherwise the buffer has written them there
        step = max(1, CHUNK_BYTES // prepared.images[0].nbytes)
        for start in range(0, total, step):
            chunk = np.ascontiguousarray(prepared.images[start : start + step]).data
            yield from run_in_thread(partial(_append, folder / "images.u8", chunk), LoadProgress(start, total, message))
    yield from run_in_thread(partial(_sync, folder / "images.u8"), LoadProgress(total, total, message))
    codes = prepared.codes.astype("<i4").tobytes()
    _append(folder / "codes.i4", codes)
    payload = json.dumps({
        "shape": prepared.images.shape,
        "kinds": prepared.kinds,
        "reasons": list(prepared.reasons.items()),
        "notes": prepared.notes,
        "digest": prepared.digest,
        "images": _checksum(prepared.images),
        "codes": zlib.crc32(codes),
    })  # fmt: skip
    _append(folder / "entry.json", f"{zlib.crc32(payload.encode()):08x}\n{payload}".encode())


def _append(path: Path, data: bytes | memoryview) -> None:
    with path.open("ab") as file:
        file.write(data)


def _sync(path: Path) -> None:
    with path.open("ab") as file:
        os.fsync(file.fileno())


def _read(folder: Path) -> PreparedImages:
    """Read an entry, and check it whole: it may have been written by anything.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        When it is missing or damaged.
    """
    if (folder / "entry.json").stat().st_size > _LARGEST_ENTRY:
        raise ValueError("entry.json is too large")
    head, _, payload = (folder / "entry.json").read_text(encoding="utf-8").partition("\n")
    if f"{zlib.crc32(payload.encode()):08x}" != head:
        raise ValueError("entry.json is damaged")
    entry: dict[str, Any] = json.loads(payload)
    count, channels, height, width = (index(size) for size in entry["shape"])
    if min(count, height, width) < 1 or max(height, width) > LARGEST_SIDE or channels not in (1, 3):
        raise ValueError("the images have an impossible shape")
    images = map_images(folder / "images.u8", (count, channels, height, width))
    stored = (folder / "codes.i4").read_bytes()
    if _checksum(images) != entry["images"] or zlib.crc32(stored) != entry["codes"]:
        raise ValueError("pixels or codes are damaged")
    kinds = [(str(format), str(mode), str(size)) for format, mode, size in entry["kinds"]]
    codes = np.frombuffer(stored, dtype="<i4").astype(np.int32)
    if not len(codes) or codes.min() < -1 or codes.max() >= len(kinds) or np.count_nonzero(codes >= 0) != count:
        raise ValueError("the codes do not describe the images")
    reasons = {index(item): str(reason) for item, reason in entry["reasons"]}
    if not all(0 <= item < len(codes) for item in reasons):
        raise ValueError("a reason belongs to no item")
    notes = {str(note): (index(count), index(first)) for note, (count, first) in entry["notes"].items()}
    if not all(0 <= first < len(codes) for _, first in notes.values()):
        raise ValueError("a note belongs to no item")
    return PreparedImages(images, codes, kinds, reasons, notes, str(entry["digest"]))


def _checksum(images: Images) -> int:
    """CRC-32 of the pixels: of all of them up to 4 MB, else of 64 evenly spaced pages."""
    flat = np.ascontiguousarray(images).reshape(-1)
    return zlib.crc32(b"".join(_blocks(flat)))


def _blocks(flat: Images) -> Iterable[bytes]:
    if flat.size <= _CHECKED_WHOLE:
        return [flat.tobytes()]
    starts = np.linspace(0, flat.size - _BLOCK, _CHECKED_BLOCKS).astype(np.int64)
    return (flat[start : start + _BLOCK].tobytes() for start in starts.tolist())
