"""Reads an image file as a grey or RGB image of the requested size: accepted formats, and how modes are converted.

=====================  ==========================================================================================
in the file            converted to
=====================  ==========================================================================================
EXIF orientation       rotated upright; damaged EXIF is ignored
animated, many pages   one frame, the first unless another is asked for
1-bit                  black and white
other depths           8 bits by the dataset's `latentlab.data.images.value_range`
16-bit colour          of TIFF and PNG by the value range; of other formats the upper 8 bits
palette                its colours
alpha, transparency    composited over ``behind``
CMYK, YCbCr, Lab       RGB (colour profiles are not applied)
colour, channels=1     ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B
colour, "auto"         grey when red, green and blue are equal everywhere, else RGB
=====================  ==========================================================================================

The format is detected from the content and not from the name: PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF, PPM/PGM/PBM/PFM,
and HEIF where pillow-heif is installed. Every announced size is compared with the memory before pixels are read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from latentlab.data.images.conversion import convert_and_resize
from latentlab.data.images.file_kind import HEAD, file_kind, webp_size
from latentlab.data.images.image_types import (
    ANY_FRAMES,
    FileItem,
    ImageFacts,
    Pair,
    PreparedImage,
    Ranges,
    RawValues,
    UnexpectedImageError,
)
from latentlab.data.images.library_warnings import collected_warnings
from latentlab.data.images.limits import BANDS_USED, FIRST_FRAME_USED, UnreadableError, check_announced, check_memory
from latentlab.data.images.pillow_image import PillowImage, announced, pillow_file
from latentlab.data.images.regular_file import DescriptorFile, failure_reason, open_descriptor, open_regular
from latentlab.data.images.resize import ImageOptions, Size

if TYPE_CHECKING:
    from latentlab.data.images.tiff_image import TiffImage

__all__ = [
    "ANY_FRAMES",
    "BANDS_USED",
    "FIRST_FRAME_USED",
    "SUFFIXES",
    "FileItem",
    "ImageFacts",
    "Pair",
    "PreparedImage",
    "Ranges",
    "RawValues",
    "UnexpectedImageError",
    "UnreadableError",
    "convert_and_resize",
    "failure_reason",
    "has_image_format",
    "open_regular",
    "prepare_image",
    "read_facts",
    "read_image",
    "read_image_info",
    "read_raw_values",
]


SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heif", ".hif"}
)


def has_image_format(path: str | PurePath) -> bool:
    """Whether a regular file begins like an image of an accepted format."""
    try:
        with open_regular(path) as file:
            return bool(file_kind(file.read(HEAD)))
    except (UnreadableError, OSError):
        return False


def read_image_info(source: str | bytes) -> tuple[Size, str]:
    """Read upright size and mode from the header of a file, given by its path or its content.

    Raises
    ------
    UnreadableError
    """
    facts = read_facts(source, count_frames=False)
    return facts.size, facts.mode


def read_facts(source: str | bytes, count_frames: bool = True) -> ImageFacts:
    """Read the header of a file, given by its path or its content; ``frames`` is 1 unless they are to be counted.

    Raises
    ------
    UnreadableError
    """
    with _reading(source) as image:
        return ImageFacts(
            image.size(0), image.mode(0), image.format, image.frames if count_frames else 1, image.group(0)
        )


def read_raw_values(source: str | bytes, frame: int = 0) -> RawValues | None:
    """Read a frame's values before they are mapped to 8 bits; ``None`` for 1-bit images.

    Raises
    ------
    UnreadableError
    """
    with _reading(source) as image:
        return image.raw_values(frame)


def read_image(
    source: str | bytes,
    target: Size | None,
    options: ImageOptions,
    frame: int = 0,
    frames: int | None = None,
    ranges: Ranges | None = None,
) -> PreparedImage:
    """Read and prepare an image file.

    Parameters
    ----------
    source
        Path of the file, or its content.
    target
        (width, height) of the result; ``None`` keeps the image's own size.
    options
        Channels, fit, invert, levels and background.
    frame
        Number of the frame.
    frames
        How many frames the file should have; ``None`` if it does not matter, ``ANY_FRAMES`` to note that there are
        others.
    ranges
        The dataset's value ranges; ``None`` decides by this image alone.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    UnexpectedImageError
        When it has more frames than ``frames``, or values of a type that has no range.
    """
    with _reading(source) as image:
        if frames and image.frames != frames:
            raise UnexpectedImageError("another number of frames")
        prepared = image.prepare(frame, target, options, ranges)
        if frames == ANY_FRAMES and image.is_animated:
            return prepared._replace(note="; ".join(filter(None, [prepared.note, FIRST_FRAME_USED])))
        return prepared


def prepare_image(image: Image.Image, target: Size | None, options: ImageOptions) -> PreparedImage:
    """Prepare an image that Pillow has opened, and which is modified."""
    with collected_warnings():
        return PillowImage(image, image.format or "").prepare(0, target, options, None)


@contextmanager
def _reading(source: str | bytes) -> Iterator[PillowImage | TiffImage]:
    """Open an image file; every error within becomes an `UnreadableError`."""
    with collected_warnings() as messages:
        try:
            image = _kept_open(source)
            image.messages = messages
            yield image
        except (UnreadableError, UnexpectedImageError):
            _kept.image = None
            raise
        except Exception as error:  # Pillow raises nearly any exception for damaged files
            _kept.image = None
            raise UnreadableError(failure_reason(error)) from None


class _Kept(threading.local):
    """The file with frames that this thread has read last: going back to its beginning for every frame is slow."""

    key: tuple[object, ...] = ()
    content: bytes | None = None  # of a file in an archive
    image: PillowImage | TiffImage | None = None


_kept = _Kept()


def _kept_open(source: str | bytes) -> PillowImage | TiffImage:
    if isinstance(source, bytes):
        if _kept.image is not None and _kept.content is source:
            return _kept.image
        _kept.image = _kept.content = None
        image = _open(BytesIO(source), len(source))
        if image.is_animated:
            _kept.content, _kept.image = source, image
        return image
    descriptor, status = open_descriptor(source)
    key = source, status.st_ino, status.st_size, status.st_mtime_ns
    if _kept.image is not None and _kept.content is None and _kept.key == key:
        os.close(descriptor)
        return _kept.image
    _kept.image = _kept.content = None
    image = _open(DescriptorFile.opened(descriptor, status.st_size), status.st_size)
    if image.is_animated:
        _kept.key, _kept.image = key, image
    return image


def _open(file: BinaryIO, size: int) -> PillowImage | TiffImage:
    """Open an image file of ``size`` bytes by its content."""
    start = file.read(HEAD)
    file.seek(0)
    kind = file_kind(start)
    if kind == "TIFF":
        from latentlab.data.images.tiff import Tiff
        from latentlab.data.images.tiff_image import TiffImage

        return TiffImage(Tiff(file, size), file)
    if kind == "WEBP":  # its decoder allocates two canvases when it opens a file
        canvas = webp_size(start)
        check_memory(canvas, 8 * canvas[0] * canvas[1])
    image = pillow_file(kind, start, file)
    if kind in ("PNG", "BMP", "PPM"):
        check_announced(image.size, *announced(kind, image, size))
    return PillowImage(image, kind)
