"""zarr stores with an array of images, also OME-Zarr, where every plane is an image (zarr)."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.array_dataset import ArraySource
from latentlab.data.sources.extras import import_extra
from latentlab.data.sources.lazy_array import LazyImages, StoredArray, check_promise
from latentlab.data.sources.stored_arrays import image_keys, source_of_arrays
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes

_METADATA = ("zarr.json", ".zarray", ".zgroup")
_MAX_ARRAYS = 1_000
_MAX_CHUNKS = 1_000_000
_LARGEST_RATIO = 1100  # of compressed text
_MEMORY_FRACTION = 8


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr store."""
    return os.path.isdir(path) and any(os.path.isfile(path / name) for name in _METADATA)


def open_zarr(path: Path, array: str = "") -> Generator[LoadProgress, None, ArraySource]:
    """Find the images of a store, and read their labels; see `latentlab.data.sources.hdf5.open_hdf5`.

    Of the resolutions of an OME-Zarr image the first is read; its time points, channels and depths are images each.

    Raises
    ------
    InputError
        When zarr is missing, the store is damaged or has no images.
    """
    load = partial(import_extra, "zarr", "zarr", "zarr", f"{path.name} is read")
    zarr = yield from run_in_thread(load, LoadProgress(0, None, "Loading zarr"))
    progress = LoadProgress(0, None, f"Reading {path.name}")
    return (yield from run_in_thread(partial(_source, zarr, path, array), progress))


def _source(zarr: Any, path: Path, chosen: str) -> ArraySource:
    try:
        root = zarr.open(str(path), mode="r")
        arrays: dict[str, StoredArray] = {}
        left_out: list[LeftOut] = []
        limit = available_bytes() // _MEMORY_FRACTION
        for name, array in _arrays(zarr, root, path.name):
            if array.dtype.kind == "T" and array.nbytes_stored() * _LARGEST_RATIO > limit:
                left_out.append(LeftOut(name, "text that may be too large for the memory", "array"))
            elif array.dtype.kind not in "buifSUT":
                left_out.append(LeftOut(name, f"values of type {array.dtype}", "array"))
            else:
                arrays[name] = array
        multiscale = _first_resolution(root)
        keys = {"": multiscale} if multiscale in arrays and not chosen else image_keys(arrays, path.name, chosen)
        images = {}
        for split, key in keys.items():
            _check(path, key, arrays[key])
            leading = max(1, len(arrays[key].shape) - 2) if key == multiscale else 1
            images[split] = LazyImages(arrays[key], f"{path.name}: {key}", leading)
        identity = (str(path.resolve()), _fingerprint(path))
        return source_of_arrays(path, arrays, images, keys, partial(_check, path), "zarr", identity, left_out, chosen)
    except InputError:
        raise
    except Exception as error:  # zarr and its codecs raise errors of any kind for damaged stores
        raise InputError(f"{path.name} is damaged: {' '.join(str(error).split())[:200]}") from None


def _arrays(zarr: Any, root: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(root, zarr.Array):
        yield name, root
        return
    for number, (path, node) in enumerate(root.members(max_depth=8)):
        if number >= _MAX_ARRAYS:
            return
        if isinstance(node, zarr.Array):
            yield path, node


def _first_resolution(root: Any) -> str | None:
    attributes = dict(root.attrs)
    found = attributes.get("multiscales") or attributes.get("ome", {}).get("multiscales")
    try:
        return str(found[0]["datasets"][0]["path"]) if found else None
    except (KeyError, IndexError, TypeError):
        return None


def _check(path: Path, key: str, array: Any) -> None:
    chunks = math.prod(-(-size // max(1, chunk)) for size, chunk in zip(array.shape, array.chunks, strict=True))
    if chunks > _MAX_CHUNKS:
        raise InputError(f"{path.name}: {key} has {chunks:,} chunks, more than {_MAX_CHUNKS:,}")
    piece = math.prod(array.chunks) * array.dtype.itemsize
    check_promise(f"{path.name}: {key}", array.shape, array.dtype, array.nbytes_stored(), piece)


def _fingerprint(path: Path) -> str:
    """Names, sizes and times of all files of the store."""
    digest = hashlib.blake2b(digest_size=16)
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            status = os.stat(os.path.join(folder, name))
            digest.update(os.fsencode(f"{folder}/{name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0"))
    return digest.hexdigest()
