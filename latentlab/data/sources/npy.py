"""``.npz`` and ``.npy`` files of images, without pickle."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.read_bytes import MAP_THRESHOLD, Readable, map_values, read_values
from latentlab.data.sources.array_dataset import ArraySource, cache_identity, encode_labels, unlabelled
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError

_IMAGE_NAMES = ("images", "image", "imgs", "x", "x_train", "train_images", "data", "arr_0")
_LABEL_NAMES = ("labels", "label", "y", "y_train", "train_labels", "targets", "target", "arr_1")
_VERSIONS = ((1, 0), (2, 0), (3, 0))  # 3.0 differs from 2.0 only in field names, which images do not have
_DEFLATE_RATIO = 1032
_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def open_npy(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    """Open a ``.npy`` file of images as a memory map, so that it may be larger than the memory."""
    yield LoadProgress(0, None, f"Reading {path.name}")
    try:
        with open_regular(path) as file:
            shape, _, dtype = _read_header(file, path.name)
            expected = file.tell() + _bytes(shape, dtype)
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
        images, unlabelled(len(images)), (), path.name, path.stem, str(path), "npy", cache_identity(path)
    )


def open_npz(path: Path) -> Generator[LoadProgress, None, ArraySource]:
    """Read images, labels and further columns of an ``.npz`` file.

    The images are the array named ``images``, ``x``, ``data`` …, or the only array of 3 or 4 dimensions; the labels are
    the array named ``labels``, ``y``, ``targets`` …. Every other array with one value per image is metadata.
    """
    try:
        with open_regular(path), zipfile.ZipFile(path) as archive:
            headers = _headers(archive, path.name)
            key = _image_key(headers, path.name)
            images = as_images((yield from _read(archive, key, headers[key], path.name)), f"{path.name}: {key}")
            columns = {}
            for name, (shape, _, _) in headers.items():
                if shape == (len(images),) and name != key:
                    columns[name] = yield from _read(archive, name, headers[name], path.name)
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except zipfile.BadZipFile:
        raise InputError(f"{path.name} is damaged or not an .npz file") from None
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zlib.error) as error:
        raise InputError(f"{path.name} is damaged: {_first_line(error)}") from None
    labels = unlabelled(len(images))
    classes: tuple[str, ...] = ()
    for name in _LABEL_NAMES:
        found = next((column for column in columns if column.lower() == name), None)
        if found is not None:
            labels, classes = encode_labels(columns.pop(found))
            break
    return ArraySource(
        images, labels, classes, path.name, path.stem, str(path), "npz", cache_identity(path), metadata=columns
    )


def _headers(archive: zipfile.ZipFile, name: str) -> dict[str, _Header]:
    """Shape, order and dtype of every member, checked against the member's size."""
    headers = {}
    for info in archive.infolist():
        if not info.filename.endswith(".npy"):
            continue
        with archive.open(info) as member:
            header = _read_header(cast(BinaryIO, member), f"{name}: {info.filename}")
            expected = member.tell() + _bytes(header[0], header[2])
        if expected != info.file_size or info.file_size > info.compress_size * _DEFLATE_RATIO + 64:
            raise InputError(f"{name}: {info.filename} announces {expected} bytes that it does not have")
        headers[info.filename.removesuffix(".npy")] = header
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
    if dtype.hasobject or dtype.kind not in "buifUS":
        raise InputError(f"{name} has {dtype.name} values; only numbers, booleans and text can be read")
    return shape, fortran, dtype


def _image_key(headers: dict[str, _Header], name: str) -> str:
    numeric = [key for key, (shape, _, dtype) in headers.items() if len(shape) >= 2 and dtype.kind in "buif"]
    by_name = {key.lower(): key for key in numeric}
    for image_name in _IMAGE_NAMES:
        if image_name in by_name:
            return by_name[image_name]
    candidates = [key for key in by_name.values() if len(headers[key][0]) in (3, 4)]
    if len(candidates) == 1:
        return candidates[0]
    held = ", ".join(f"{key} {headers[key][0]}" for key in headers) or "nothing"
    raise InputError(f"{name} has no array named images, and not exactly one of 3 or 4 dimensions (it has {held})")


def _read(
    archive: zipfile.ZipFile, key: str, header: _Header, name: str
) -> Generator[LoadProgress, None, NDArray[Any]]:
    shape, fortran, dtype = header
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as member:
        _read_header(cast(BinaryIO, member), key)
        if info.compress_type == zipfile.ZIP_STORED and info.file_size > MAP_THRESHOLD and archive.filename:
            offset = _start_of(archive, info) + member.tell()
            flat = map_values(Path(archive.filename), dtype, math.prod(shape), offset)
        else:
            flat = yield from read_values(cast(Readable, member), dtype, math.prod(shape), f"{name}: {key}")
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


def as_images(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Convert any known layout to [N, H, W] or [N, H, W, C].

    Four dimensions are NHWC if the last is 1 to 4, else NCHW if the second is; three are NHW, or one image HWC if the
    last is 1 to 4; two are N flattened square images.
    """
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} is text, not images")
    if 0 not in array.shape:
        if array.ndim == 4 and array.shape[3] <= 4:
            return array
        if array.ndim == 4 and array.shape[1] <= 4:
            return np.moveaxis(array, 1, 3)
        if array.ndim == 3:
            return array[None] if array.shape[2] <= 4 else array
        if array.ndim == 2 and math.isqrt(array.shape[1]) ** 2 == array.shape[1] >= 64:
            side = math.isqrt(array.shape[1])
            return array.reshape(len(array), side, side)
    raise InputError(f"{name} has shape {array.shape}, which is not a known layout of images (N×H×W, N×H×W×C, N×C×H×W)")


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
