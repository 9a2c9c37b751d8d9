"""IDX files, the format of MNIST (LeCun, Cortes & Burges), plain or gzipped."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.read_bytes import MAP_THRESHOLD, map_values, read_values
from latentlab.data.sources.array_dataset import ArraySource, cache_identity, encode_labels, unlabelled
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError
from latentlab.utils.text import pluralize

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_DEFLATE_RATIO = 1032  # the largest ratio that deflate can reach
_NAME = re.compile(r"idx\d.ubyte", re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"
_File = BufferedReader | gzip.GzipFile


def is_idx(path: Path) -> bool:
    """Whether a file is IDX, by its name or its first bytes."""
    if _NAME.search(path.name) or path.suffix.lower() == ".idx":
        return True
    try:
        with _open(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error, UnreadableError):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= 4


def open_idx(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    """Read images, and their labels if there is a file of them in the same folder.

    Its name has ``labels`` and ``idx1`` instead of ``images`` and ``idx3``; it may be gzipped.

    Raises
    ------
    InputError
        When the file is damaged, has no images, or does not match its labels.
    """
    images = yield from read_idx(path)
    if images.ndim == 1:
        raise InputError(f"{path.name} has labels; open the file of images")
    if images.ndim == 4 and images.shape[3] > 4:
        images = np.moveaxis(images, 1, 3)
    labels = unlabelled(len(images))
    classes: tuple[str, ...] = ()
    labels_path = _labels_path(path)
    if labels_path is not None:
        values = yield from read_idx(labels_path)
        if values.shape != (len(images),):
            counts = pluralize(len(images), "image"), pluralize(values.size, "label")
            raise InputError(f"{path.name} has {counts[0]}, {labels_path.name} {counts[1]}")
        labels, classes = encode_labels(values)
    return ArraySource(
        images, labels, classes, path.name, path.name.split(".")[0], str(path), "IDX", cache_identity(path)
    )


def read_idx(path: Path) -> Generator[LoadProgress, None, NDArray[Any]]:
    """Read an IDX file as an array; a large one that is not gzipped is memory-mapped.

    The size in its header is checked against the file's size before memory is allocated.
    """
    try:
        with _open(path) as file:
            dtype, shape = _header(file, path)
            expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
            _check_size(path, file, expected, header=4 + 4 * len(shape))
            if expected > MAP_THRESHOLD and not isinstance(file, gzip.GzipFile):
                flat = map_values(path, dtype, expected // dtype.itemsize, offset=file.tell())
            else:
                flat = yield from read_values(file, dtype, expected // dtype.itemsize, path.name, os.stat(path).st_size)
                flat = flat.astype(dtype.newbyteorder("="), copy=False)
            if isinstance(file, gzip.GzipFile) and file.read(1):
                raise InputError(f"{path.name} is damaged: it continues after its {expected} bytes of data")
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} is damaged: {error}") from None
    return flat.reshape(shape)


@contextmanager
def _open(path: Path) -> Iterator[_File]:
    with open_regular(path) as file:
        start = file.read(2)
        file.seek(0)
        if start != _GZIP_MAGIC:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield unzipped


def _header(file: _File, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 4:
        raise InputError(f"{path.name} is not an IDX file: its first bytes are {magic.hex(' ') or 'missing'}")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise InputError(f"{path.name} is truncated within its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    if 0 in shape or len(shape) == 2:
        raise InputError(f"{path.name} has no images: its shape is {shape}")
    return np.dtype(_TYPES[magic[2]]), shape


def _check_size(path: Path, file: _File, expected: int, header: int) -> None:
    size = os.stat(path).st_size
    if isinstance(file, gzip.GzipFile):
        if expected + header > size * _DEFLATE_RATIO:
            raise InputError(f"{path.name} announces {expected} bytes, more than its {size} compressed bytes can hold")
    elif expected + header != size:
        raise InputError(f"{path.name} should have {expected + header} bytes and has {size}")


def _labels_path(path: Path) -> Path | None:
    name = re.sub("images", "labels", path.name, flags=re.IGNORECASE)
    name = re.sub(r"idx[34]", "idx1", name, flags=re.IGNORECASE)
    plain = name.removesuffix(".gz")
    if plain == path.name.removesuffix(".gz"):
        return None
    return next(
        (path.with_name(each) for each in (name, plain, plain + ".gz") if os.path.isfile(path.with_name(each))), None
    )
