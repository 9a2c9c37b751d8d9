"""Images as the window paints them: uint8 pixels [H, W] or [H, W, 3]."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

ByteArray = NDArray[np.uint8]


def to_bytes(images: NDArray[np.floating[Any]]) -> ByteArray:
    """Round values in [0, 1] to the nearest of 256 levels."""
    levels: ByteArray = np.rint(images * 255).astype(np.uint8)
    return levels


def as_pixels(images: NDArray[Any]) -> NDArray[Any]:
    """Images [N, C, H, W] as [N, H, W] with one channel, else [N, H, W, C]."""
    return images[:, 0] if images.shape[1] == 1 else np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def shrink(images: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Average areas so that images [N, C, H, W] are at most ``most`` pixels on a side; smaller ones stay.

    The factor is a whole number, so every pixel averages the same area; at the right and lower edge the last
    pixels' area is cut off by the image's border.
    """
    height, width = images.shape[2:]
    factor = math.ceil(max(height, width) / max(1, most))
    if factor == 1:
        return images
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=2), columns, axis=3)
    row_sizes, column_sizes = np.diff(rows, append=height), np.diff(columns, append=width)
    means: NDArray[np.float32] = (sums / np.outer(row_sizes, column_sizes)).astype(np.float32)
    return means
