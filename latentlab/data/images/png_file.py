"""Writes pictures as PNG files that say where they are from."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from latentlab.utils.stamp import STAMP_KEY, Stamp


def write_png(file: BinaryIO, picture: NDArray[np.uint8], stamp: Stamp | None = None) -> None:
    """Write a picture uint8 [H, W] or [H, W, 3] as PNG, with where it is from as its text."""
    info = PngInfo()
    if stamp is not None:
        info.add_text(STAMP_KEY, stamp.text())
    Image.fromarray(picture).save(file, format="PNG", pnginfo=info)
