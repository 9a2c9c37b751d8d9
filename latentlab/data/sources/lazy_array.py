"""An array of images in a file that is read in pieces: what `ArraySource` holds for HDF5 and zarr."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.array_layout import as_images
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes

_LARGEST_RATIO = 1100  # of compression: above that of deflate
_ALWAYS_ALLOWED = 64 << 20
_MEMORY_FRACTION = 8
_CLOSE_ROWS = 4  # rows read for one that is wanted, at most, to read them in one piece


class StoredArray(Protocol):
    """An array in a file: a dataset of h5py, or an array of zarr."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Read a part."""


class LazyImages:
    """Images [N, H, W, C] that are read when they are indexed by their first axis.

    Parameters
    ----------
    stored
        The array in its file, in any layout that `latentlab.data.sources.array_layout.as_images` knows.
    name
        For messages.
    leading
        Number of leading axes that together count the images: 3 for time, channel and depth.
    """

    def __init__(self, stored: StoredArray, name: str, leading: int = 1) -> None:
        self._stored, self._name = stored, name
        self._leading = stored.shape[:leading]
        rest = stored.shape[leading:]
        count = math.prod(self._leading)
        self.dtype: np.dtype[Any] = stored.dtype.newbyteorder("=")
        # A view that needs no memory tells the layout.
        layout = as_images(np.broadcast_to(np.zeros((), self.dtype), (count, *rest)), name).shape
        self.shape: tuple[int, ...] = layout if len(layout) == 4 else (*layout, 1)

    @property
    def ndim(self) -> int:
        """4."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | NDArray[np.int64]) -> NDArray[Any]:
        """Read some images; the rows are ascending.

        Raises
        ------
        InputError
            When they are damaged.
        """
        if isinstance(rows, int | np.integer):
            image: NDArray[Any] = self[int(rows) : int(rows) + 1][0]
            return image
        if not isinstance(rows, slice):
            return self._chosen(np.asarray(rows))
        start, stop, _ = rows.indices(len(self))
        try:
            values = self._read(start, stop)
        except Exception as error:  # libraries and their filters raise errors of any kind for damaged pieces
            raise InputError(f"{self._name} is damaged: {' '.join(str(error).split())[:200]}") from None
        return as_images(values, self._name).reshape(-1, *self.shape[1:])

    def _chosen(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)
        gaps = np.flatnonzero(np.diff(rows) > _CLOSE_ROWS) + 1
        for part in np.split(np.arange(len(rows)), gaps):
            if len(part):
                first, last = int(rows[part[0]]), int(rows[part[-1]])
                images[part] = self[first : last + 1][rows[part] - first]
        return images

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        if len(self._leading) == 1:
            return np.asarray(self._stored[start:stop], dtype=self.dtype)
        indices = (np.unravel_index(number, self._leading) for number in range(start, stop))
        images = [np.asarray(self._stored[tuple(map(int, index))], dtype=self.dtype) for index in indices]
        return np.stack(images) if images else np.empty((0, *self._stored.shape[len(self._leading) :]), self.dtype)


class SplitImages:
    """Several `LazyImages` of one size after each other."""

    def __init__(self, parts: Sequence[LazyImages]) -> None:
        self._parts = list(parts)
        self._starts = np.cumsum([0, *map(len, self._parts)])
        self.dtype: np.dtype[Any] = np.result_type(*(part.dtype for part in self._parts))
        self.shape: tuple[int, ...] = (int(self._starts[-1]), *self._parts[0].shape[1:])

    @property
    def ndim(self) -> int:
        """4."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | NDArray[np.int64]) -> NDArray[Any]:
        """Read some images; the rows are ascending.

        Raises
        ------
        InputError
            When they are damaged.
        """
        if isinstance(rows, int | np.integer):
            image: NDArray[Any] = self[int(rows) : int(rows) + 1][0]
            return image
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        found = [np.empty((0, *self.shape[1:]), self.dtype)]
        for part, start in zip(self._parts, self._starts.tolist(), strict=False):
            within = numbers[(numbers >= start) & (numbers < start + len(part))] - start
            if len(within):
                is_run = int(within[-1]) - int(within[0]) + 1 == len(within)
                found.append(part[slice(int(within[0]), int(within[-1]) + 1) if is_run else within])
        return np.concatenate(found, dtype=self.dtype)


def check_promise(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], stored: int, piece: int) -> None:
    """Refuse an array that announces far more than its file holds, or that is stored in pieces too large to read.

    Parameters
    ----------
    name
        For the message.
    shape, dtype
        Of the array.
    stored
        Bytes in the file.
    piece
        Bytes of one piece (chunk) when it is read.

    Raises
    ------
    InputError
        In one sentence.
    """
    promised = math.prod(shape) * dtype.itemsize
    if promised > stored * _LARGEST_RATIO + _ALWAYS_ALLOWED:
        raise InputError(f"{name} announces {format_bytes(promised)} and holds {format_bytes(stored)}")
    limit = max(_ALWAYS_ALLOWED, available_bytes() // _MEMORY_FRACTION)
    if piece > limit:
        raise InputError(
            f"{name} is stored in pieces of {format_bytes(piece)}, more than the limit of {format_bytes(limit)} on "
            "this machine"
        )
