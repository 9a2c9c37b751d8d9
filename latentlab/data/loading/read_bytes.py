"""The bytes a file's header promises: read step by step, mapped when there are many, refused when they cannot be."""

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

MAP_THRESHOLD = 512 << 20  # bytes from which a file is mapped, where it can be, in place of being read
_STEP = 4 << 20


class Readable(Protocol):
    """What bytes are read from: a file, plain, unzipped or a member of an archive."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a buffer as far as one reading goes; the number of bytes."""
        ...


def read_values(
    file: Readable, dtype: np.dtype[Any], count: int, name: str
) -> Generator[LoadProgress, None, NDArray[Any]]:
    """Read ``count`` values in the file's byte order; yields progress after every few megabytes.

    Raises
    ------
    InputError
        When the file ends before, or the memory cannot hold them.
    """
    total = count * dtype.itemsize
    if total > total_memory():
        raise InputError(
            f"{name} unpacks to {total / 1e9:.0f} GB, more than the memory holds; unpacked, or saved as .npy, "
            "it is read where it lies"
        )
    data = bytearray(total)
    view, done = memoryview(data), 0
    while done < total:
        read = file.readinto(view[done : done + _STEP])
        if not read:
            raise InputError(f"{name} is cut short: {done} of {total} bytes are there")
        done += read
        yield LoadProgress(done, total, f"Reading {name}")
    return np.frombuffer(data, dtype=dtype)


def map_values(path: Path, dtype: np.dtype[Any], count: int, offset: int) -> NDArray[Any]:
    """Map ``count`` values that lie in a file as they are, for reading: they may be more than the memory holds."""
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,))


def advise_random_access(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same; of a map larger than half the memory the system is told that its rows are read in any order.

    It would else read up to megabytes around each of them, which is good for what stays in memory and what does not
    is read many times over.
    """
    mapped = getattr(images, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_RANDOM") and images.nbytes > total_memory() // 2:
        mapped.madvise(mmap.MADV_RANDOM)
    return images


def total_memory() -> int:
    """Bytes of memory this machine has; very many where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 62
