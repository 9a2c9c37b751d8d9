"""Images laid out for the window (numpy)."""

from __future__ import annotations

import math

import numpy as np

from latentlab.exploration.pictures import ByteArray, as_pixels, shrink, to_bytes

__all__ = ["as_pixels", "contact_sheet", "shrink", "to_bytes"]

_SHEET_GAP = 1


def contact_sheet(images: ByteArray, columns: int) -> ByteArray:
    """Lay images uint8 [N, C, H, W] in rows of ``columns``, a dark pixel between them: [H', W'] or [H', W', 3]."""
    count, channels, height, width = images.shape
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * (height + _SHEET_GAP), columns * (width + _SHEET_GAP), channels), np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * (height + _SHEET_GAP), place % columns * (width + _SHEET_GAP)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    sheet = sheet[:-_SHEET_GAP, :-_SHEET_GAP]
    return np.ascontiguousarray(sheet[:, :, 0]) if channels == 1 else sheet
