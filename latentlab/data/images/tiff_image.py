"""TIFF files: pages that tifffile or Pillow reads."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image

from latentlab.data.images.conversion import (
    convert_and_resize,
    eight_bit_range,
    from_values,
    native,
    range_of,
    with_range,
)
from latentlab.data.images.image_types import PreparedImage, Ranges, RawValues
from latentlab.data.images.limits import UnreadableError
from latentlab.data.images.orientation import upright
from latentlab.data.images.pillow_image import PillowImage, pillow_file
from latentlab.data.images.resize import ImageOptions, Size
from latentlab.data.images.tiff import Tiff


class TiffImage:
    """A file that tifffile reads."""

    format = "TIFF"

    def __init__(self, tiff: Tiff, file: BinaryIO) -> None:
        self.messages: list[str] = []
        self._tiff, self._file = tiff, file

    @property
    def is_animated(self) -> bool:
        """Whether there are several frames."""
        return self.frames > 1

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self._tiff.pages)

    def size(self, frame: int) -> Size:
        """Upright size."""
        return self._tiff.size(frame)

    def mode(self, frame: int) -> str:
        """Pillow's mode, or type and bands."""
        return self._tiff.mode(frame)

    def group(self, frame: int) -> str:
        """The field of `Ranges`; empty for 1-bit images."""
        dtype = self._tiff.dtype(frame)
        if dtype.kind == "b":
            return ""
        return "real" if dtype.kind == "f" else "eight" if dtype.str[1:] == "u1" else "whole"

    def raw_values(self, frame: int) -> RawValues | None:
        """The values; ``None`` for 1-bit images."""
        group = self.group(frame)
        if not group:
            return None
        self._tiff.check(frame)
        page = self._tiff.pillow_page(frame)
        if page is not None:
            found = self._by_pillow(page).raw_values(0)
            return None if found is None else found._replace(bits=self._tiff.bits(frame))
        read = self._tiff.read(frame)
        return RawValues(read.values, group, read.bits)

    def prepare(self, frame: int, target: Size | None, options: ImageOptions, ranges: Ranges | None) -> PreparedImage:
        """Read and prepare a frame."""
        self._tiff.check(frame)
        mode, size, orientation = self.mode(frame), self.size(frame), 1
        page = self._tiff.pillow_page(frame)
        if page is not None:
            image, inverted = self._loaded_by_pillow(page, frame)
            deep = image.mode.startswith("I") or image.mode == "F"
            values = native(np.asarray(image)) if deep else None
            alpha, bits = None, self._tiff.bits(frame)
        else:
            values, alpha, bits, inverted = self._tiff.read(frame)
            orientation = self._tiff.orientation(frame)
        if values is not None:
            image = from_values(values, alpha, bits, inverted, range_of(ranges, self.group(frame)), options)
        else:
            image = with_range(image, eight_bit_range(image, options, ranges))
        image = convert_and_resize(upright(image, orientation), target, options)
        note = "; ".join(filter(None, [self._tiff.note(frame), *self.messages]))
        return PreparedImage(image, self.format, mode, size, note)

    def _by_pillow(self, page: int) -> PillowImage:
        self._file.seek(0)
        try:
            image = pillow_file("TIFF", b"", self._file)
            image.seek(page)
        except (SyntaxError, EOFError, KeyError, OSError) as error:
            raise UnreadableError(self._tiff.unsupported_reason(page, error)) from None
        return PillowImage(image, self.format)

    def _loaded_by_pillow(self, page: int, frame: int) -> tuple[Image.Image, bool]:
        """The page, which Pillow has turned upright, and whether its values are still to be inverted."""
        image = self._by_pillow(page).image
        try:
            image.load()
        except (OSError, ValueError) as error:
            raise UnreadableError(self._tiff.unsupported_reason(page, error)) from None
        return image, self._tiff.is_inverted(frame) and image.mode.startswith("I")
