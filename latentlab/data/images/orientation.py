"""The EXIF orientation of an image, read from damaged data too: Pillow gives up at the first wrong entry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PIL import Image

_TAG = 0x0112
_TYPES = {1: 1, 3: 2, 4: 4}  # bytes of BYTE, SHORT and LONG, all of which writers use
_HEADERS = (b"Exif\0\0",)
_MAX_ENTRIES = 1024
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")
_SWAPPED = (5, 6, 7, 8)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def exif_orientation(data: bytes) -> int | None:
    r"""The orientation, 1 to 8, in a block of EXIF data; ``None`` if there is none that can be read.

    Parameters
    ----------
    data
        A TIFF header and directory, with or without ``Exif\0\0`` before it, once or several times.
    """
    while data.startswith(_HEADERS):
        data = data[len(_HEADERS[0]) :]
    order = {b"II": "little", b"MM": "big"}.get(data[:2])
    if order is None:
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]

    first = number(4, 4)
    for at in range(first + 2, first + 2 + 12 * min(number(first, 2), _MAX_ENTRIES), 12):
        if at + 12 > len(data):
            return None
        size = _TYPES.get(number(at + 2, 2))
        if number(at, 2) == _TAG and size is not None:
            value = number(at + 8, size)
            return value if 1 <= value <= 8 else None
    return None


def orientation_of(info: Mapping[str | tuple[int, int], Any]) -> int:
    """The orientation in Pillow's ``Image.info``: of EXIF, else of XMP, else 1 (upright)."""
    exif = info.get("exif") or _raw_profile(info.get("Raw profile type exif"))
    if isinstance(exif, bytes):
        found = exif_orientation(exif)
        if found is not None:
            return found
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    match = _XMP.search(xmp) if isinstance(xmp, bytes) else None
    return int(match[1]) if match else 1


def swaps_sides(orientation: int) -> bool:
    """Whether an image of this orientation is turned by a quarter."""
    return orientation in _SWAPPED


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image upright; the same image if it is."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _raw_profile(text: object) -> bytes | None:
    """EXIF in hexadecimal digits, as ImageMagick writes it into PNG files."""
    if not isinstance(text, str):
        return None
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return None
