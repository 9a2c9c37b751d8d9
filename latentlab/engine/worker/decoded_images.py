"""Images laid out for the window (numpy)."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from latentlab.engine.protocol.messages import Decode, Decoded, FloatArray
from latentlab.utils.pixels import ByteArray, as_pixels, shrink, to_bytes

__all__ = ["Decoder", "as_pixels", "contact_sheet", "decoded", "shrink", "to_bytes"]

_SHEET_GAP = 1


class Decoder(Protocol):
    """What makes images of latents: a loaded model, or its stand-in before torch is there."""

    def decode(self, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Mean of p(x|z) for z [N, d]: float32 [N, C, H, W] in [0, 1]; ``InputError`` for latents of another size."""


def decoded(model: Decoder, request: Decode, version: int) -> Decoded:
    """The image that a request asks for.

    Parameters
    ----------
    model
        What decodes it.
    request
        The latent, and the class where the model is conditional.
    version
        The model's, for the window to know what it is of.

    Raises
    ------
    InputError
        For a latent of another size.
    """
    image = as_pixels(to_bytes(model.decode(request.z[None], request.label)))[0]
    return Decoded(request.generation, version, request.z, image, request.preview)


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
