"""HDF5 files with an array of images, such as 3D Shapes (h5py); the array is read in pieces."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.array_dataset import ArraySource, cache_identity
from latentlab.data.sources.lazy_array import LazyImages, StoredArray, check_promise
from latentlab.data.sources.stored_arrays import choose, image_key, source_of_arrays
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_ARRAYS = 10_000
_CHUNK_CACHE = 64 << 20


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, by its first bytes."""
    try:
        with open_regular(path) as file:
            return file.read(8) == _MAGIC
    except (OSError, UnreadableError):
        return False


def open_hdf5(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    """Find the images of a file, and read their labels and factors.

    The images are the array named images, x, data or the like, or the only one of 3 or 4 dimensions. An array of real
    numbers [N, k] holds the images' factors, an array [N] labels or a further column.

    Raises
    ------
    InputError
        When the file is damaged, has no images, or announces more than it holds.
    """
    return (yield from run_in_thread(partial(_source, path), LoadProgress(0, None, f"Reading {path.name}")))


def _source(path: Path) -> ArraySource:
    import h5py

    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE))
            source = _source_of(path, file)
        except InputError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
            raise InputError(f"{path.name} is damaged: {' '.join(str(error).split())[:200]}") from None
        return replace(source, close=stack.pop_all().close)


def _source_of(path: Path, file: Any) -> ArraySource:
    arrays, left_out = _arrays(file)
    key = image_key(arrays, path.name)
    _check(path.name, key, arrays[key])
    images = LazyImages(arrays[key], f"{path.name}: {key}")
    chosen = choose(arrays, key, len(images), partial(_check, path.name))
    return source_of_arrays(path, images, chosen, "HDF5", cache_identity(path), left_out)


def _arrays(file: Any) -> tuple[dict[str, StoredArray], list[LeftOut]]:
    """All arrays of the file itself; links to other files are not followed."""
    import h5py

    arrays: dict[str, StoredArray] = {}
    left_out: list[LeftOut] = []

    def visit(name: str, node: Any) -> bool | None:
        if len(arrays) + len(left_out) >= _MAX_ARRAYS:
            return True  # ends the visit
        if isinstance(node, h5py.Dataset):
            if node.external or node.is_virtual:
                left_out.append(LeftOut(name, "its values are in other files", "array"))
            elif node.dtype.kind not in "buifSU" or node.shape is None:
                left_out.append(LeftOut(name, f"values of type {node.dtype}", "array"))
            else:
                arrays[name] = node
        return None

    file.visititems(visit)
    return arrays, left_out


def _check(file: str, key: str, array: Any) -> None:
    piece = math.prod(array.chunks) * array.dtype.itemsize if array.chunks else 0
    check_promise(f"{file}: {key}", array.shape, array.dtype, array.id.get_storage_size(), piece)
