"""Safetensors files from untrusted sources: the header is checked before any tensor is allocated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as _load
from safetensors.numpy import save as _save

from latentlab.errors import InputError
from latentlab.storage.atomic import atomic_write
from latentlab.storage.validation import FileContentError, check_tensors, opened_regular, require_memory, shortened

Arrays = dict[str, NDArray[Any]]

LARGEST_HEADER = 10_000_000
"""Bytes. The format's own limit is ten times this; no model of ours comes near either."""

NOT_A_MODEL = "is not a latentlab model"
DAMAGED = "is damaged"

_ADOPT = "to open a model of your own, make a package of it with latentlab adopt"

_COPIES = 3
"""Of a file in memory while it is read: its bytes, its arrays, and the largest array once more for the hash."""

_ENTRY_KEYS = {"dtype", "shape", "data_offsets"}
_FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}
_TYPES = {"BOOL", "F16", "F32", "F64"} | {f"{sign}{bits}" for sign in "UI" for bits in (8, 16, 32, 64)}


def read_tensors(path: Path, key: str, complaint: str = NOT_A_MODEL) -> tuple[str, Arrays]:
    """Read a safetensors file into memory.

    Parameters
    ----------
    path
        The file.
    key
        Name of the metadata entry to return.
    complaint
        What a file that is refused is said to be.

    Returns
    -------
    text, tensors
        The metadata entry and all tensors, in memory: the file may be overwritten afterwards.

    Raises
    ------
    InputError
        One sentence that says why this is not a latentlab file.
    """
    with _opened(path, complaint) as (file, size):
        text = _checked_metadata(path, file, size, key)
        require_memory(path, _COPIES * size)
        file.seek(0)
        return text, _load(file.read(size))


def read_metadata(path: Path, key: str, complaint: str = NOT_A_MODEL) -> str:
    """Read only the metadata entry ``key``; the header is checked.

    Raises
    ------
    InputError
        As in ``read_tensors``.
    """
    with _opened(path, complaint) as (file, size):
        return _checked_metadata(path, file, size, key)


def read_shapes(path: Path, complaint: str = DAMAGED) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a safetensors file of another program; nothing else of it is read.

    Raises
    ------
    InputError
        One sentence that says why it cannot be read, such as a tensor that is not of floating-point numbers.
    """
    with _opened(path, complaint) as (file, size):
        entries, _start = _checked_entries(path, file, size, {*_FLOATS})
        return {name: tuple(entry["shape"]) for name, entry in entries.items()}


def read_floats(path: Path, complaint: str = DAMAGED) -> Arrays:
    """Read the tensors of a safetensors file of another program; bfloat16, which numpy lacks, becomes float32.

    Raises
    ------
    InputError
        As in ``read_shapes``.
    """
    with _opened(path, complaint) as (file, size):
        entries, start = _checked_entries(path, file, size, {*_FLOATS})
        require_memory(path, _COPIES * size)
        file.seek(start)
        data = memoryview(file.read(size - start))
        return {name: _floats(data, entry) for name, entry in entries.items()}


def _floats(data: memoryview, entry: dict[str, Any]) -> NDArray[Any]:
    first, last = entry["data_offsets"]
    array: NDArray[Any] = np.frombuffer(data[first:last], _FLOATS[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] != "BF16":
        return array
    widened: NDArray[Any] = (array.astype(np.uint32) << 16).view(np.float32)
    return widened


def write_tensors(path: Path, key: str, text: str, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write a safetensors file atomically, with one metadata entry."""
    # Not ascontiguousarray, which adds a dimension to a scalar.
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    atomic_write(path, _save(contiguous, metadata={key: text}))


def digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, dtypes, shapes and values, sorted by name."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        sha.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


@contextmanager
def _opened(path: Path, complaint: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file for reading, with its size; its errors and those of safetensors become one sentence."""
    with opened_regular(path) as opened:
        try:
            yield opened
        except SafetensorError as error:
            reason = shortened(str(error).removeprefix("Error while deserializing: "), 200)
            raise InputError(f"{path} {complaint}: {reason}") from None
        except FileContentError as fault:
            raise InputError(f"{path} {complaint}: {fault}") from None
        except MemoryError:  # also where the file cannot be mapped
            require_memory(path, _COPIES * opened[1])
            raise InputError(f"{path} does not fit into the memory that is available") from None


def _checked_metadata(path: Path, file: BinaryIO, size: int, key: str) -> str:
    """Check the header before any tensor is read; return the metadata entry ``key``."""
    entries, _start, metadata = _header(path, file, size)
    if key not in metadata:
        raise FileContentError("it is a safetensors file without latentlab's description")
    _check_entries(entries, _TYPES)
    text: str = metadata[key]
    return text


def _checked_entries(path: Path, file: BinaryIO, size: int, types: set[str]) -> tuple[dict[str, Any], int]:
    """Check the header before any tensor is read; return what it says of each, and where their bytes begin."""
    entries, start, _metadata = _header(path, file, size)
    _check_entries(entries, types)
    return entries, start


def _header(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The entries of a header by name, the number of bytes before the tensors, and the metadata.

    `safe_open` maps the file and checks that types, shapes and offsets are valid and that the tensors fill the file
    exactly. Checked here is what it accepts: duplicate names (it takes the last), unknown fields (it ignores them),
    types that numpy does not have, and headers up to 100 MB.
    """
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8:
        raise FileContentError("it is too short for a safetensors file")
    if length > LARGEST_HEADER:
        claim = f"its header claims {length:,} bytes, more than {LARGEST_HEADER:,}"
        raise FileContentError(_what_it_is(prefix) or (claim if length <= size else "it is not a safetensors file"))
    with safe_open(path, framework="numpy"):
        header = file.read(length)
    try:
        entries = json.loads(header, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise FileContentError(f"its header is not valid: {shortened(str(error))}") from None
    return entries, 8 + length, entries.pop("__metadata__", None) or {}


def _check_entries(entries: dict[str, Any], types: set[str]) -> None:
    for name, entry in entries.items():
        if entry.keys() != _ENTRY_KEYS:
            raise FileContentError(f"its header describes tensor {shortened(name)} with unknown fields")
        if entry["dtype"] not in types:
            raise FileContentError(f"tensor {shortened(name)} has a type that is not supported")
    check_tensors((name, tuple(entry["shape"])) for name, entry in entries.items())


def _what_it_is(prefix: bytes) -> str | None:
    """Name the format of a file with these first bytes, for formats that models are often saved in."""
    if prefix.startswith(b"PK\x03\x04"):
        return f"it is a zip archive (perhaps a PyTorch .pt file), which is never opened; {_ADOPT}"
    if prefix[0] == 0x80 and prefix[1] in (2, 3, 4, 5):
        return f"it is a pickle, which could run code and is never opened; {_ADOPT}"
    return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name occurs twice")
    return values
