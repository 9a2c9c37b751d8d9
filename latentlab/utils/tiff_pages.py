"""Whether a TIFF file is a stack of images, from a few bytes of it (no numpy: the window asks for a dropped file)."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO

_ENTRY, _ENTRY_OF_BIG = 12, 20  # bytes
_MOST_ENTRIES = 4096
_SUBFILE_TYPE = 254
_REDUCED_OR_MASK = 0b101  # bits of a page that is a thumbnail or a mask of another


def is_tiff_stack(path: str | Path) -> bool:
    """Whether a regular file is a TIFF whose second page is an image of its own; ``False`` if it cannot be read.

    The second page may be a thumbnail or a mask of the first, as cameras and scanners write them.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return False
            return _has_second_image(file)
    except (OSError, ValueError, struct.error):
        return False


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _has_second_image(file: BinaryIO) -> bool:
    start = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None:
        return False
    (version,) = struct.unpack(f"{order}H", start[2:4])
    if version not in (42, 43):
        return False
    is_big = version == 43
    first = struct.unpack(f"{order}Q", start[8:16])[0] if is_big else struct.unpack(f"{order}I", start[4:8])[0]
    second, _ = _page(file, order, is_big, first)
    if not second or second == first:
        return False
    _, subfile_type = _page(file, order, is_big, second)
    return not subfile_type & _REDUCED_OR_MASK


def _page(file: BinaryIO, order: str, is_big: bool, at: int) -> tuple[int, int]:
    """Position of the page after the one at a position, 0 if it is the last, and the type of the page."""
    size, count_format, offset_format = (_ENTRY_OF_BIG, "Q", "Q") if is_big else (_ENTRY, "H", "I")
    file.seek(at)
    (count,) = struct.unpack(order + count_format, file.read(struct.calcsize(count_format)))
    if not 0 < count <= _MOST_ENTRIES:
        raise ValueError("not a page")
    entries = file.read(count * size)
    (following,) = struct.unpack(order + offset_format, file.read(struct.calcsize(offset_format)))
    for entry in range(0, len(entries), size):
        if struct.unpack_from(f"{order}H", entries, entry)[0] == _SUBFILE_TYPE:
            return following, struct.unpack_from(f"{order}I", entries, entry + size - (8 if is_big else 4))[0]
    return following, 0
