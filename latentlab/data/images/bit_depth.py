"""Converts values of any bit depth to 8 bits; no other module does.

========================  =============================================================================
values                    mapped to 0 and 255
========================  =============================================================================
boolean                   False and True
8-bit                     0 and 255 (0 and 1 for an array of only these)
16-bit                    0 and 65535
other integers            0 and 255 or 0 and 65535, the first that fits, else minimum and maximum
floating point            0 and 1, 0 and 255 or −1 and 1, the first that fits, else minimum and maximum
========================  =============================================================================

``levels="stretch"`` uses minimum and maximum for more than 8 bits. Non-finite values become 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

ValueRange = tuple[float, float]


def choose_range(dtype: np.dtype[Any], lowest: float, highest: float, stretch: bool = False) -> ValueRange:
    """The values mapped to 0 and 255, for data of ``dtype`` between ``lowest`` and ``highest``."""
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype == np.uint8:
        return (0.0, 1.0) if highest <= 1 else (0.0, 255.0)
    if stretch:
        return lowest, highest
    if dtype == np.uint16:
        return 0.0, 65535.0
    spans = ((0, 1), (0, 255), (-1, 1)) if dtype.kind == "f" else ((0, 255), (0, 65535))
    for low, high in spans:
        if low <= lowest and highest <= high:
            return float(low), float(high)
    return lowest, highest


def finite_range(chunks: Iterable[NDArray[Any]]) -> ValueRange:
    """Minimum and maximum of the finite values; (0, 0) if there are none.

    Stops early for uint8 chunks: one value above 1 says all there is to know.
    """
    lowest, highest = np.inf, -np.inf
    for chunk in chunks:
        values = chunk
        if chunk.dtype.kind == "f":
            values = chunk[np.isfinite(chunk)]
        if values.size:
            lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
        if chunk.dtype == np.uint8 and highest > 1:
            break
    return (lowest, highest) if lowest <= highest else (0.0, 0.0)


def to_uint8(values: NDArray[Any], value_range: ValueRange) -> NDArray[np.uint8]:
    """Map ``value_range`` to 0…255, rounded; beyond it clipped. The same array when there is nothing to do."""
    low, high = value_range
    if values.dtype == np.uint8 and value_range == (0.0, 255.0):
        return values
    if high <= low:
        return np.zeros(values.shape, dtype=np.uint8)
    if values.dtype in (np.uint16, np.uint8):
        every = np.arange(np.iinfo(values.dtype).max + 1, dtype=np.float64)
        table = np.rint((every.clip(low, high) - low) * (255.0 / (high - low))).astype(np.uint8)
        return np.take(table, values)
    single = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    wide: NDArray[Any] = values.astype(np.float32 if single else np.float64)
    wide[~np.isfinite(wide)] = low
    np.clip(wide, low, high, out=wide)
    np.subtract(wide, low, out=wide)
    np.multiply(wide, 255.0 / (high - low), out=wide)
    rounded: NDArray[np.uint8] = np.rint(wide, out=wide).astype(np.uint8)
    return rounded
