"""How large an image may be, which follows the machine's memory, and the reasons why a file is not read."""

from __future__ import annotations

import os

from latentlab.utils.memory import available_bytes, format_bytes

_ALWAYS = 64 << 20  # bytes that are not worth a look at the memory
_USUAL = 1 << 30

BANDS_USED = "bands used"
FIRST_FRAME_USED = "only its first frame is used"
"""End of the note on a file some of whose bands are not used."""


class UnreadableError(Exception):
    """A file cannot be read as an image; the message is the reason, in a few words."""


def largest_image() -> int:
    """Bytes that the decoded values of one image may take.

    Half of the available memory is for as many images as there are cores, but for at most 1 GB each when that is more.
    """
    half = available_bytes() // 2
    return min(half, max(_USUAL, half // (os.cpu_count() or 1)))


def check_memory(size: tuple[int, int], needed: int) -> None:
    """Check that an image of ``size`` (width, height), which takes ``needed`` bytes, may be read.

    Raises
    ------
    UnreadableError
        When it takes more than `largest_image`.
    """
    if needed <= _ALWAYS:
        return
    most = largest_image()
    if needed > most:
        raise UnreadableError(
            f"{size[0]:,} × {size[1]:,} pixels take {format_bytes(needed)}, and one image may take "
            f"{format_bytes(most)} of the memory that is available"
        )


def check_announced(size: tuple[int, int], needed: int, held: int) -> None:
    """Check that a file that can hold at most ``held`` bytes of pixels does not announce ``needed`` bytes.

    Raises
    ------
    UnreadableError
        When it does.
    """
    if needed > held:
        raise UnreadableError(
            f"decompression bomb: it announces {size[0]:,} × {size[1]:,} pixels, {needed:,} bytes, and holds at most "
            f"{held:,}"
        )
