"""Safetensors files, read with suspicion: every length is checked before anything is allocated."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as _load
from safetensors.numpy import save as _save

from latentlab.errors import InputError
from latentlab.storage.atomic import atomic_write

Arrays = dict[str, NDArray[Any]]

LARGEST_HEADER = 10_000_000
"""Bytes; the format's own limit is ten times this, and no model of ours comes near either."""

_ITEM_BYTES = {"BOOL": 1, "F16": 2, "F32": 4, "F64": 8} | {
    f"{sign}{8 * size}": size for sign in "UI" for size in (1, 2, 4, 8)
}


def read_tensors(path: Path, key: str) -> tuple[str, Arrays]:
    """Read a safetensors file into memory.

    Parameters
    ----------
    path
        The file.
    key
        Name of the metadata entry to return.

    Returns
    -------
    text, tensors
        The metadata entry, and every tensor; nothing stays mapped, so the file may be written over.

    Raises
    ------
    InputError
        In one sentence saying why this is not a latentlab file.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            header = _read_header(path, file.read(8), size, file)
            text = _check_header(path, header, key, size)
            file.seek(0)
            return text, _load(file.read())
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except SafetensorError as error:
        _refuse(path, str(error))


def read_metadata(path: Path, key: str) -> str:
    """The metadata entry ``key`` alone, of a file whose header is whole.

    Raises
    ------
    InputError
        As ``read_tensors``.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return _check_header(path, _read_header(path, file.read(8), size, file), key, size)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None


def write_tensors(path: Path, key: str, text: str, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write a safetensors file atomically, with one metadata entry."""
    # Not ascontiguousarray, which gives a scalar a dimension.
    whole = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    atomic_write(path, _save(whole, metadata={key: text}))


def digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and values, in the order of the names."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        sha.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def _read_header(path: Path, prefix: bytes, size: int, file: Any) -> bytes:
    if len(prefix) < 8:
        _refuse(path, "it is too short for a safetensors file")
    length = int.from_bytes(prefix, "little")
    if length > LARGEST_HEADER:
        _refuse(path, _what_it_is(prefix) or f"its header claims {length:,} bytes, more than {LARGEST_HEADER:,}")
    if 8 + length > size:
        _refuse(path, "it ends within its header; the file is damaged or cut short")
    header: bytes = file.read(length)
    return header


def _what_it_is(prefix: bytes) -> str | None:
    """What a file is that begins so, if it is one of those that models are often kept in."""
    if prefix.startswith(b"PK\x03\x04"):
        return "it is a zip archive (a PyTorch .pt file, perhaps), which is never opened"
    if prefix[0] == 0x80 and prefix[1] in (2, 3, 4, 5):
        return "it is a pickle, which could run code and is never opened"
    return None


def _check_header(path: Path, header: bytes, key: str, size: int) -> str:
    """Check that the tensors tile the file exactly; return the metadata entry."""
    try:
        entries = json.loads(header, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        _refuse(path, "its header is not valid JSON")
    if not isinstance(entries, dict):
        _refuse(path, "its header is not a JSON object")
    metadata = entries.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(key), str):
        _refuse(path, "it is a safetensors file without latentlab's description")
    end = 0
    for name, begin, stop in sorted(_extents(path, entries), key=lambda extent: (extent[1], extent[2])):
        if begin != end:
            _refuse(path, f"the data of tensor {name!r} overlaps another's or leaves a gap")
        end = stop
    if 8 + len(header) + end != size:
        _refuse(path, f"it has {size:,} bytes where its header announces {8 + len(header) + end:,}")
    text: str = metadata[key]
    return text


def _extents(path: Path, entries: dict[str, Any]) -> list[tuple[str, int, int]]:
    extents = []
    for name, entry in entries.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            _refuse(path, f"its header describes tensor {name!r} wrongly")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2:
            _refuse(path, f"its header describes tensor {name!r} wrongly")
        if not isinstance(entry["dtype"], str) or entry["dtype"] not in _ITEM_BYTES:
            _refuse(path, f"tensor {name!r} has a type that is not supported")
        count = 1
        for length in shape:
            count *= length
        if offsets[1] - offsets[0] != count * _ITEM_BYTES[entry["dtype"]]:
            _refuse(path, f"the data of tensor {name!r} does not fit its shape")
        extents.append((name, offsets[0], offsets[1]))
    return extents


def _sizes(value: Any) -> bool:
    # bool is an int in Python and not a size in JSON.
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**48 for item in value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("duplicate key")
    return values


def _refuse(path: Path, why: str) -> NoReturn:
    raise InputError(f"{path} is not a latentlab model: {why}")
