"""Messages between latentlab and a process that it does not know: JSON and raw arrays, no pickle (no torch, no Qt).

A message is one frame of JSON, an object whose ``arrays`` lists name, type and shape of each array, and then one frame
for each array, in order. Every size is known and checked before anything is allocated for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.utils.memory import format_bytes

LARGEST_HEADER = 1 << 20  # bytes
MOST_ARRAYS = 4096
_MOST_AXES = 5
_TYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "int64": np.dtype("<i8"), "uint8": np.dtype("u1")}

Arrays = dict[str, NDArray[Any]]


class PeerGoneError(Exception):
    """The other process has ended, or closed its end."""


class FrameError(Exception):
    """What was received is no message; the connection cannot be used any more."""


def send(connection: Connection, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Send one message; blocks while the other side does not read.

    Raises
    ------
    PeerGoneError
        When the other side is gone.
    """
    given = {} if arrays is None else {name: _of_known_type(array) for name, array in arrays.items()}
    listed = [[name, array.dtype.name, list(array.shape)] for name, array in given.items()]
    try:
        connection.send_bytes(json.dumps({**header, "arrays": listed}).encode())
        for array in given.values():
            if array.nbytes:
                connection.send_bytes(array.data.cast("B"))
    except OSError as error:  # also a connection closed on this side
        raise PeerGoneError from error


def receive(connection: Connection, largest: int) -> tuple[dict[str, Any], Arrays]:
    """Wait for one message.

    Parameters
    ----------
    connection
        One end.
    largest
        Bytes that its arrays may have together.

    Returns
    -------
    header, arrays
        The object without ``arrays``, and the arrays by name.

    Raises
    ------
    PeerGoneError
        When the other side is gone.
    FrameError
        When it sends anything else than a message.
    """
    header = _object(_received(connection, LARGEST_HEADER))
    announced = _announced(header.pop("arrays", None), largest)
    arrays = {}
    for name, dtype, shape, size in announced:
        data = _received(connection, size) if size else b""
        if len(data) != size:
            raise FrameError(f"array {name!r} has {len(data)} bytes and not {size}")
        arrays[name] = np.frombuffer(bytearray(data), dtype).reshape(shape)  # a copy that may be written to
    return header, arrays


def _received(connection: Connection, largest: int) -> bytes:
    try:
        return connection.recv_bytes(largest)
    except EOFError as error:
        raise PeerGoneError from error
    except OSError as error:
        if str(error) == "bad message length":  # raised before anything is allocated
            raise FrameError(f"a frame of more than {format_bytes(largest)}") from None
        raise PeerGoneError from error


def _object(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise FrameError("a frame that is not JSON") from None
    if not isinstance(header, dict):
        raise FrameError("a frame that is not an object")
    return header


def _announced(listed: Any, largest: int) -> list[tuple[str, np.dtype[Any], tuple[int, ...], int]]:
    """Name, type, shape and bytes of each array."""
    if not isinstance(listed, list) or len(listed) > MOST_ARRAYS:
        raise FrameError("no list of arrays")
    announced, total = [], 0
    for entry in listed:
        if not isinstance(entry, list) or len(entry) != 3:
            raise FrameError("an array without name, type and shape")
        name, kind, shape = entry
        if not isinstance(name, str) or not isinstance(kind, str) or kind not in _TYPES:
            raise FrameError("an array without a name, or of an unknown type")
        is_shape = isinstance(shape, list) and len(shape) <= _MOST_AXES
        if not is_shape or any(type(size) is not int or not 0 <= size < 2**40 for size in shape):
            raise FrameError(f"array {name[:100]!r} has no shape")
        size = math.prod(shape) * _TYPES[kind].itemsize
        total += size
        announced.append((name, _TYPES[kind], tuple(shape), size))
    if total > largest:
        raise FrameError(f"arrays of {format_bytes(total)}, more than {format_bytes(largest)}")
    return announced


def _of_known_type(array: NDArray[Any]) -> NDArray[Any]:
    kind = {"f": "float32", "i": "int64", "u": "uint8"}[array.dtype.kind]
    return np.ascontiguousarray(array, _TYPES[kind])
