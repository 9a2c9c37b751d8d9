"""``.npz`` and ``.npy`` files of images, without pickle."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.read_bytes import MAP_THRESHOLD, Readable, map_values, read_values
from latentlab.data.sources.array_dataset import ArraySource, cache_identity, unlabelled
from latentlab.data.sources.array_layout import as_images, layout_note
from latentlab.data.sources.array_members import Member, source_from_members
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError

_VERSIONS = ((1, 0), (2, 0), (3, 0))  # 3.0 differs from 2.0 only in field names, which images do not have
_DEFLATE_RATIO = 1032


class _Header(NamedTuple):
    """Shape, order and type of an array, and why it cannot be read, empty if it can."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    problem: str

    @property
    def member(self) -> Member:
        return Member(self.shape, self.dtype, self.problem)


def open_npy(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    """Open a ``.npy`` file of images as a memory map, so that it may be larger than the memory."""
    yield LoadProgress(0, None, f"Reading {path.name}")
    try:
        with open_regular(path) as file:
            header = _read_header(file, path.name)
            if header.problem:
                raise InputError(f"{path.name} has {header.problem}")
            expected = file.tell() + _bytes(header.shape, header.dtype)
            size = path.stat().st_size
            if expected != size:
                raise InputError(f"{path.name} should have {expected} bytes and has {size}")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path.name} is damaged: {_first_line(error)}") from None
    images = as_images(array, path.name)
    return ArraySource(
        images,
        unlabelled(len(images)),
        (),
        path.name,
        path.stem,
        str(path),
        "npy",
        cache_identity(path),
        notes=[note for note in [layout_note(array.shape, path.name)] if note],
    )


def open_npz(path: Path, array: str = "") -> Generator[LoadProgress, None, ArraySource]:
    """Read images, labels and further columns of an ``.npz`` file; see `source_from_members`.

    Parameters
    ----------
    path
        The file.
    array
        Name of the array of images; empty to find it.
    """
    try:
        with open_regular(path), zipfile.ZipFile(path) as archive:
            members = _headers(archive, path.name)
            return (
                yield from source_from_members(
                    path,
                    {name: header.member for name, header in members.items()},
                    lambda name: _read(archive, name, members[name], path.name),
                    "npz",
                    array,
                )
            )
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except zipfile.BadZipFile:
        raise InputError(f"{path.name} is damaged or not an .npz file") from None
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zlib.error) as error:
        raise InputError(f"{path.name} is damaged: {_first_line(error)}") from None


def _headers(archive: zipfile.ZipFile, name: str) -> dict[str, _Header]:
    """Shape, order and type of every member, checked against the member's size."""
    headers = {}
    for info in archive.infolist():
        key = info.filename.removesuffix(".npy")
        if key == info.filename:
            headers[key] = _Header((), False, np.dtype("V1"), "not an array")
            continue
        with archive.open(info) as member:
            header = _read_header(cast(BinaryIO, member), f"{name}: {info.filename}")
            expected = member.tell() + _bytes(header.shape, header.dtype)
        announces_more = expected != info.file_size or info.file_size > info.compress_size * _DEFLATE_RATIO + 64
        if announces_more and not header.problem:
            raise InputError(f"{name}: {info.filename} announces {expected} bytes that it does not have")
        headers[key] = header
    return headers


def _read_header(file: BinaryIO, name: str) -> _Header:
    try:
        version = npy.read_magic(file)
        if version not in _VERSIONS:
            raise InputError(f"{name} has an unknown version of the npy format, {version}")
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = reader(file)
    except (InputError, OSError, zipfile.BadZipFile, zlib.error):
        raise
    except Exception as error:  # numpy parses the header as Python and raises tokenizer, syntax and recursion errors
        raise InputError(f"{name} has a damaged npy header: {_first_line(error)}") from None
    if min(shape, default=0) < 0:
        raise InputError(f"{name} announces a shape of {shape}")
    problem = ""
    if dtype.hasobject:
        problem = "Python objects, which are never unpickled because that can run code"
    elif dtype.kind not in "buifUS":
        problem = f"{dtype.name} values; only numbers, booleans and text can be read"
    return _Header(shape, fortran, dtype, problem)


def _read(
    archive: zipfile.ZipFile, key: str, header: _Header, name: str
) -> Generator[LoadProgress, None, NDArray[Any]]:
    shape, fortran, dtype, _ = header
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as member:
        _read_header(cast(BinaryIO, member), key)
        if info.compress_type == zipfile.ZIP_STORED and info.file_size > MAP_THRESHOLD and archive.filename:
            offset = _start_of(archive, info) + member.tell()
            flat = map_values(Path(archive.filename), dtype, math.prod(shape), offset)
        else:
            count, title = math.prod(shape), f"{name}: {key}"
            flat = yield from read_values(cast(Readable, member), dtype, count, title, info.compress_size)
            member.read(1)  # reading to the end compares the checksum
            flat = flat.astype(dtype.newbyteorder("="), copy=False)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _start_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Offset of a member's bytes, after its local header with a name and an extra field."""
    if archive.fp is None:
        raise ValueError("the archive is closed")
    archive.fp.seek(info.header_offset + 26)
    name_length, extra_length = struct.unpack("<HH", archive.fp.read(4))
    return info.header_offset + 30 + int(name_length) + int(extra_length)


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
