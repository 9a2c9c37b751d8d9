"""The nearest image of a table of latents, where a model would decode one."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any

import numpy as np

from latentlab.config import DataConfig
from latentlab.config.capabilities import NO_DECODER, NO_ENCODER, OF_TABLES
from latentlab.data.images.image_file import UnreadableError
from latentlab.data.images.to_array import decode
from latentlab.errors import InputError
from latentlab.storage.latent_table import LatentTable
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray

_KEPT = 64 << 20  # bytes of images
_ROWS_AT_ONCE = 64
_GREY = 128


class TableFunctions:
    """A table of latents behind the protocol of models: it refuses what only a model can do.

    Parameters
    ----------
    table
        As it was read.
    """

    value_range = (0.0, 1.0)
    capabilities = OF_TABLES

    def __init__(self, table: LatentTable) -> None:
        self._table = table
        self.latent_dim = table.points.mean.shape[1]
        self.image_shape = table.header.image_shape
        latents = table.points.mean[table.rows]
        self._middle = latents.mean(axis=0) if len(latents) else np.zeros(self.latent_dim, np.float32)
        self._latents = latents - self._middle  # squares of large numbers lose the digits of small distances
        self._squares = (self._latents**2).sum(axis=1)
        self._images: OrderedDict[int, ByteArray] = OrderedDict()
        self._most = max(16, _KEPT // int(np.prod(self.image_shape)))
        self._config = DataConfig(channels=3 if self.image_shape[0] == 3 else 1)

    def __deepcopy__(self, _memo: dict[int, Any]) -> TableFunctions:
        """Itself: it never changes but for the images that it keeps."""
        return self

    def encode(self, images: FloatArray, label: IntArray | None = None, /) -> tuple[FloatArray, FloatArray]:
        """Refused: a table has no encoder.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"images cannot be encoded: {NO_ENCODER}")

    def decode(self, z: FloatArray, label: IntArray | None = None, /) -> FloatArray:
        """Refused: a table has no decoder.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"latents cannot be decoded: {NO_DECODER}")

    def log_likelihood(self, images: FloatArray, z: FloatArray, label: IntArray | None = None, /) -> FloatArray:
        """Refused: a table has no likelihood.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"images have no likelihood: {NO_DECODER}")

    def jvp(self, z: FloatArray, directions: FloatArray, label: IntArray | None = None, /) -> FloatArray:
        """Refused: a table has no decoder.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"there are no derivatives: {NO_DECODER}")

    def nearest(self, z: FloatArray) -> IntArray:
        """The row [n] of the image nearest to each latent [n, d], by the Euclidean distance; −1 without images."""
        if not len(self._latents):
            return np.full(len(z), -1, np.int64)
        found = []
        for start in range(0, len(z), _ROWS_AT_ONCE):
            part = z[start : start + _ROWS_AT_ONCE].astype(np.float32) - self._middle
            distances = self._squares - 2 * part @ self._latents.T
            found.append(self._table.rows[distances.argmin(axis=1)])
        return np.concatenate(found)

    def nearest_images(self, z: FloatArray) -> FloatArray:
        """The nearest images, float32 [n, C, H, W] in [0, 1]; grey where there is none, or it cannot be read."""
        images = np.stack([self._image(row) for row in self.nearest(z).tolist()])
        return images.astype(np.float32) / np.float32(255)

    def _image(self, row: int) -> ByteArray:
        kept = self._images.get(row)
        if kept is None:
            kept = self._images[row] = self._read(row)
            while len(self._images) > self._most:
                self._images.popitem(last=False)
        return kept

    def _read(self, row: int) -> ByteArray:
        channels, height, width = self.image_shape
        grey: ByteArray = np.full((channels, height, width), _GREY, np.uint8)
        if row < 0:
            return grey
        path = os.fspath(self._table.folder / self._table.paths[row])
        try:
            pixels = decode(path, (width, height), self._config).pixels
        except UnreadableError:
            return grey
        shown: ByteArray = np.ascontiguousarray(np.broadcast_to(pixels, grey.shape))
        return shown
