"""MATLAB's ``.mat`` files of images: version 5 by scipy, version 7.3 (which is HDF5) by h5py."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.loading.read_bytes import check_unpacked
from latentlab.data.sources.array_dataset import ArraySource
from latentlab.data.sources.array_members import Member, source_from_members
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError

_HDF5 = b"MATLAB 7.3 MAT-file"
_TYPES = {
    **{name: name for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
    "double": "float64",
    "single": "float32",
    "logical": "bool",
}


def open_mat(path: Path, array: str = "") -> Generator[LoadProgress, None, ArraySource]:
    """Read images, labels and further columns of a ``.mat`` file; see `source_from_members`.

    Parameters
    ----------
    path
        The file.
    array
        Name of the array of images; empty to find it.

    Raises
    ------
    InputError
        When scipy is needed and not installed, or the file is damaged or has no images.
    """
    try:
        with open_regular(path) as file:
            is_hdf5 = file.read(len(_HDF5)) == _HDF5
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    reader = _Hdf5(path) if is_hdf5 else _Version5(path)
    members = yield from reader.members()
    return (yield from source_from_members(path, members, partial(_checked, reader, members, path), "mat", array))


def _checked(
    reader: _Version5 | _Hdf5, members: dict[str, Member], path: Path, name: str
) -> Generator[LoadProgress, None, NDArray[Any]]:
    member = members[name]
    size = int(np.prod(member.shape, dtype=object)) * member.dtype.itemsize
    check_unpacked(f"{path.name}: {name}", size, path.stat().st_size)
    array = yield from reader.read(name)
    if array.shape != member.shape:
        raise InputError(f"{path.name} is damaged: {name} announces shape {member.shape} and has {array.shape}")
    return array


class _Version5:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._io = _module("scipy.io", path, 'pip install "latentlab[mat]"')

    def members(self) -> Generator[LoadProgress, None, dict[str, Member]]:
        """All arrays, without reading them."""
        listed = yield from self._run(partial(self._io.whosmat, str(self._path)))
        members = {}
        for name, shape, kind in listed:
            problem = "" if kind in _TYPES else f"a MATLAB {kind}, which is not an array of numbers"
            members[name] = Member(tuple(map(int, shape)), np.dtype(_TYPES.get(kind, "V1")), problem)
        return members

    def read(self, name: str) -> Generator[LoadProgress, None, NDArray[Any]]:
        """One of the arrays."""
        found = yield from self._run(partial(self._io.loadmat, str(self._path), variable_names=[name]))
        array = found.get(name)
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif":
            raise InputError(f"{self._path.name}: {name} is not an array of numbers")
        return np.ascontiguousarray(array)

    def _run(self, work: partial[Any]) -> Generator[LoadProgress, None, Any]:
        try:
            return (yield from run_in_thread(work, LoadProgress(0, None, f"Reading {self._path.name}")))
        except Exception as error:  # scipy raises errors of many kinds for damaged files
            raise InputError(f"{self._path.name} is damaged or not a .mat file: {_first_line(error)}") from None


class _Hdf5:
    """MATLAB writes its arrays with the axes in reverse order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._h5py = importlib.import_module("h5py")

    def members(self) -> Generator[LoadProgress, None, dict[str, Member]]:
        """All arrays, without reading them."""
        yield LoadProgress(0, None, f"Reading {self._path.name}")
        members = {}
        with self._opened() as file:
            for name, item in file.items():
                if name.startswith("#"):  # MATLAB's own
                    continue
                kind = item.attrs.get("MATLAB_class", b"").decode("ascii", "replace")
                is_array = hasattr(item, "shape") and item.dtype.kind in "buif"
                is_plain = is_array and kind in ("", *_TYPES) and "MATLAB_empty" not in item.attrs
                problem = "" if is_plain else f"a MATLAB {kind or 'group'}, which is not an array of numbers"
                shape = tuple(item.shape[::-1]) if is_array else ()
                members[name] = Member(shape, item.dtype if is_array else np.dtype("V1"), problem)
        return members

    def read(self, name: str) -> Generator[LoadProgress, None, NDArray[Any]]:
        """One of the arrays."""

        def read() -> NDArray[Any]:
            with self._opened() as file:
                array: NDArray[Any] = file[name][()].T
            return array

        try:
            return (yield from run_in_thread(read, LoadProgress(0, None, f"Reading {self._path.name}")))
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(f"{self._path.name} is damaged: {_first_line(error)}") from None

    def _opened(self) -> Any:
        try:
            return self._h5py.File(str(self._path), "r")
        except OSError as error:
            raise InputError(f"{self._path.name} is damaged: {_first_line(error)}") from None


def _module(name: str, path: Path, install: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f"{path.name} needs {name.partition('.')[0]} to be read: {install}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
