"""Read the values that a file's header announces: in steps, or as a memory map when there are many."""

from __future__ import annotations

import mmap
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentlab.data.types import LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes

MAP_THRESHOLD = 512 << 20  # bytes from which a file is mapped instead of read, where possible
_STEP = 4 << 20
_ALWAYS_ALLOWED = 1 << 30  # bytes that any compressed file may unpack to, if they fit into memory
_LARGEST_RATIO = 200  # above that of sprites on a plain ground, which is about 110


class Readable(Protocol):
    """A binary stream: a file, a gzip stream or a member of an archive."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a buffer partly or completely; returns the number of bytes."""
        ...


def read_values(
    file: Readable, dtype: np.dtype[Any], count: int, name: str, packed: int
) -> Generator[LoadProgress, None, NDArray[Any]]:
    """Read ``count`` values in the file's byte order from ``packed`` bytes of it; yields progress every 4 MB.

    Raises
    ------
    InputError
        When the file is too short, or the values are more than `check_unpacked` allows.
    """
    total = count * dtype.itemsize
    check_unpacked(name, total, packed)
    data = bytearray(total)
    view, done = memoryview(data), 0
    while done < total:
        read = file.readinto(view[done : done + _STEP])
        if not read:
            raise InputError(f"{name} is truncated: it has {done} of {total} bytes")
        done += read
        yield LoadProgress(done, total, f"Reading {name}")
    return np.frombuffer(data, dtype=dtype)


def check_unpacked(name: str, size: int, packed: int) -> None:
    """Refuse an array that takes more than half of the available memory, or unpacks to what no images do.

    Parameters
    ----------
    name
        For the message.
    size, packed
        Bytes of the array in memory, and in the file.

    Raises
    ------
    InputError
        Naming the limit.
    """
    limit = available_bytes() // 2
    if size > limit:
        raise InputError(
            f"{name} takes {format_bytes(size)} of memory, more than the limit of {format_bytes(limit)}, half of what "
            "is available; save it as .npy, to use it from disk"
        )
    limit = max(_ALWAYS_ALLOWED, packed * _LARGEST_RATIO)
    if size > limit:
        raise InputError(
            f"{name} unpacks from {format_bytes(packed)} to {format_bytes(size)}, more than the limit of "
            f"{format_bytes(limit)} for a file of this size"
        )


def map_values(path: Path, dtype: np.dtype[Any], count: int, offset: int) -> NDArray[Any]:
    """Map ``count`` values of a file read-only; they may be larger than the memory."""
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,))


def advise_random_access(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``images``; a memory map larger than half the memory is marked as read in random order.

    Otherwise the system reads up to megabytes around each row, which is then evicted and read again many times.
    """
    mapped = getattr(images, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_RANDOM") and images.nbytes > total_memory() // 2:
        mapped.madvise(mmap.MADV_RANDOM)
    return images


def total_memory() -> int:
    """Bytes of memory of this machine; 2⁶² where it is unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 62
