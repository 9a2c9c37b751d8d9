"""HDF5 files with an array of images, such as 3D Shapes (h5py); the array is read in pieces."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.array_dataset import ArraySource, cache_identity
from latentlab.data.sources.lazy_array import LazyImages, StoredArray, check_promise
from latentlab.data.sources.stored_arrays import image_keys, source_of_arrays
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_ARRAYS = 10_000
_CHUNK_CACHE = 64 << 20
_TEXTS_AT_ONCE = 4096
_LONGEST_TEXT = 200
_MEMORY_FRACTION = 8


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, by its first bytes."""
    try:
        with open_regular(path) as file:
            return file.read(8) == _MAGIC
    except (OSError, UnreadableError):
        return False


def open_hdf5(path: Path, array: str = "") -> Generator[LoadProgress, None, ArraySource]:
    """Find the images of a file, and read their labels and factors.

    The images are the ``array`` of this name if one is given; else the array named images, x, data or the like, several
    such arrays of splits, or the only one of 3 or 4 dimensions. An array of real numbers [N, k] holds the images'
    factors, an array [N] of numbers or text labels or a further column.

    Raises
    ------
    InputError
        When the file is damaged, has no images, or announces more than it holds.
    """
    return (yield from run_in_thread(partial(_source, path, array), LoadProgress(0, None, f"Reading {path.name}")))


def _source(path: Path, chosen: str) -> ArraySource:
    import h5py

    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE))
            source = _source_of(path, file, chosen)
        except InputError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
            raise InputError(f"{path.name} is damaged: {' '.join(str(error).split())[:200]}") from None
        return replace(source, close=stack.pop_all().close)


def _source_of(path: Path, file: Any, chosen: str) -> ArraySource:
    arrays, left_out = _arrays(file, path)
    keys = image_keys(arrays, path.name, chosen)
    check = partial(_check, path.name)
    images = {}
    for split, key in keys.items():
        check(key, arrays[key])
        images[split] = LazyImages(arrays[key], f"{path.name}: {key}")
    return source_of_arrays(path, arrays, images, keys, check, "HDF5", cache_identity(path), left_out, chosen)


class VariableTexts:
    """Text of variable length, in pieces: any number of entries may refer to the same long text in the file."""

    dtype = np.dtype("U")
    chunks = None

    def __init__(self, dataset: Any, size: int) -> None:
        self._dataset, self._size = dataset, size
        self.shape: tuple[int, ...] = dataset.shape

    def __getitem__(self, _rows: slice) -> NDArray[Any]:
        """All texts, cut to 200 characters.

        Raises
        ------
        InputError
            When they are longer than the file.
        """
        step = int(min(max(available_bytes() // _MEMORY_FRACTION // max(1, self._size), 1), _TEXTS_AT_ONCE))
        texts: list[str] = []
        total = 0
        for start in range(0, self.shape[0], step):
            values = self._dataset[start : start + step].reshape(-1).tolist()
            total += sum(map(len, values))
            if total > self._size:
                raise InputError(f"texts of {format_bytes(total)} in a file of {format_bytes(self._size)}")
            texts += [value.decode("utf-8", "replace")[:_LONGEST_TEXT] for value in values]
        return np.array(texts, dtype=object)


def _arrays(file: Any, path: Path) -> tuple[dict[str, StoredArray], list[LeftOut]]:
    """All arrays of the file itself; links to other files are not followed."""
    import h5py

    size = path.stat().st_size
    arrays: dict[str, StoredArray] = {}
    left_out: list[LeftOut] = []

    def visit(name: str, node: Any) -> bool | None:
        if len(arrays) + len(left_out) >= _MAX_ARRAYS:
            return True  # ends the visit
        if isinstance(node, h5py.Dataset):
            if node.external or node.is_virtual:
                left_out.append(LeftOut(name, "its values are in other files", "array"))
            elif h5py.check_string_dtype(node.dtype) is not None and node.dtype.kind == "O" and node.shape is not None:
                arrays[name] = VariableTexts(node, size)
            elif node.dtype.kind not in "buifSU" or node.shape is None:
                left_out.append(LeftOut(name, f"values of type {node.dtype}", "array"))
            else:
                arrays[name] = node
        return None

    file.visititems(visit)
    return arrays, left_out


def _check(file: str, key: str, array: Any) -> None:
    if isinstance(array, VariableTexts):
        return
    piece = math.prod(array.chunks) * array.dtype.itemsize if array.chunks else 0
    check_promise(f"{file}: {key}", array.shape, array.dtype, array.id.get_storage_size(), piece)
