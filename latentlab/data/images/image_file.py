"""Reads an image file as a grey or RGB image of the requested size: accepted formats, and how modes are converted.

=====================  ==========================================================================================
in the file            converted to
=====================  ==========================================================================================
EXIF orientation       rotated upright
animated, many pages   the first frame
1-bit                  black and white
16-bit, float          8 bits by the table of `latentlab.data.images.bit_depth`; 16-bit colour keeps the upper 8 bits
palette                its colours
alpha, transparency    composited over ``behind``
CMYK, YCbCr, Lab       RGB (colour profiles are not applied)
colour, channels=1     ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B
colour, "auto"         grey when red, green and blue are equal everywhere, else RGB
=====================  ==========================================================================================

The format is detected from the content and not from the name: PNG, JPEG, WebP, TIFF, BMP, GIF or PPM/PGM/PBM. TIFF,
whose reader is by far the largest, is only read from files named ``.tif`` or ``.tiff``.
"""

from __future__ import annotations

import os
import stat
import warnings
from io import BufferedReader, BytesIO
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from latentlab.data.images.resize import ImageOptions, Size, fit_image, scaled_size

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm"}
)
_TIFF_SUFFIXES = (".tif", ".tiff")
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_SWAPPED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_JPEG = ("JPEG", "MPO")  # MPO: JPEG with a second image appended, from some cameras
_EXIF_KEYS = frozenset({"exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"})
_BITS_PER_SAMPLE = 258
_SMALL_FILE = 8 << 20

# Pillow refuses more than 179 million pixels and warns above half of that. Here both are errors, in any thread.
warnings.simplefilter("error", Image.DecompressionBombWarning)


class UnreadableError(Exception):
    """A file cannot be read as an image; the message is the reason, in a few words."""


class PreparedImage(NamedTuple):
    """A prepared image, and format, mode and size of its file.

    Attributes
    ----------
    image
        Of mode L or RGB.
    format, mode, size
        Of the file: Pillow's names, and upright (width, height).
    """

    image: Image.Image
    format: str
    mode: str
    size: Size


def open_regular(path: str | PurePath) -> BufferedReader:
    """Open a regular file for reading; others, such as a FIFO, are refused without blocking.

    Raises
    ------
    UnreadableError
        Also when the file does not exist or its permissions forbid reading.
    """
    return open(_open_regular(path)[0], "rb")


def _open_regular(path: str | PurePath) -> tuple[int, int]:
    """Open a regular file; returns descriptor and size."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise UnreadableError(failure_reason(error)) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableError("not a regular file")
    return descriptor, status.st_size


def failure_reason(error: Exception) -> str:
    """Why a file could not be read, in a few words for the user."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "decompression bomb: too many pixels"
    if isinstance(error, UnidentifiedImageError):
        return "not an image of a known format"
    if isinstance(error, FileNotFoundError):
        return "vanished"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split())
    return f"damaged: {text[:160]}" if text else f"damaged: {type(error).__name__}"


def read_image_info(source: str | bytes) -> tuple[Size, str]:
    """Read upright size and mode from the header of a file, given by its path or its content.

    Raises
    ------
    UnreadableError
    """
    with BytesIO(source) if isinstance(source, bytes) else open_regular(source) as file:
        try:
            image = _open(file, source)
            return _upright_size(image), image.mode
        except UnreadableError:
            raise
        except Exception as error:  # Pillow raises nearly any exception for damaged files
            raise UnreadableError(failure_reason(error)) from None


def read_image(source: str | bytes, target: Size | None, options: ImageOptions) -> PreparedImage:
    """Read and prepare an image file.

    Parameters
    ----------
    source
        Path of the file, or its content.
    target
        (width, height) of the result; ``None`` keeps the image's own size.
    options
        Channels, fit, invert, levels and background.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    """
    with _opened(source) as file:
        try:
            return prepare_image(_open(file, source), target, options)
        except UnreadableError:
            raise
        except MemoryError:
            raise UnreadableError("does not fit into memory") from None
        except Exception as error:  # Pillow raises nearly any exception for damaged files
            raise UnreadableError(failure_reason(error)) from None


def prepare_image(image: Image.Image, target: Size | None, options: ImageOptions) -> PreparedImage:
    """Prepare an opened image, which is modified."""
    format, mode, size = image.format or "", image.mode, _upright_size(image)
    _draft(image, size, target, options)
    image.load()  # while the file is open
    if _orientation(image) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    return PreparedImage(convert_and_resize(image, target, options), format, mode, size)


def convert_and_resize(image: Image.Image, target: Size | None, options: ImageOptions) -> Image.Image:
    """Convert an upright image to the requested channels and size."""
    image = _to_grey_or_rgb(image, options)
    return image if target is None else fit_image(image, target, options)


def _opened(source: str | bytes) -> BinaryIO:
    """Open a regular file; a small one is read completely.

    Every system call releases the GIL, and acquiring it again costs threads more time than the reading.
    """
    if isinstance(source, bytes):
        return BytesIO(source)
    descriptor, size = _open_regular(source)
    if size > _SMALL_FILE:
        return open(descriptor, "rb")
    try:
        return BytesIO(os.read(descriptor, size))
    except OSError as error:
        raise UnreadableError(failure_reason(error)) from None
    finally:
        os.close(descriptor)


def _open(file: BinaryIO, source: str | bytes) -> Image.Image:
    image = Image.open(file, formats=FORMATS)
    suffix = "" if isinstance(source, bytes) else os.path.splitext(source)[1].lower()
    if image.format == "TIFF" and suffix not in _TIFF_SUFFIXES and not isinstance(source, bytes):
        raise UnreadableError(f"a TIFF file named {suffix or 'without a suffix'}")
    return image


def _upright_size(image: Image.Image) -> Size:
    swapped = (
        image.format != "TIFF" and _orientation(image) in _SWAPPED
    )  # Pillow's TIFF reader returns the upright size
    return (image.height, image.width) if swapped else image.size


def _orientation(image: Image.Image) -> int:
    if image.format in _JPEG and _EXIF_KEYS.isdisjoint(image.info):
        return 1  # true for most JPEGs; avoids the cost of parsing EXIF
    orientation: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation


def _draft(image: Image.Image, size: Size, target: Size | None, options: ImageOptions) -> None:
    """Let the JPEG decoder scale down by 2, 4 or 8, to at least the needed size."""
    if image.format not in _JPEG:
        return
    needed = scaled_size(size, target, options.fit) if target else size
    if size != image.size:
        needed = needed[::-1]
    image.draft("L" if options.channels == 1 else None, needed)


def _to_grey_or_rgb(image: Image.Image, options: ImageOptions) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image, options)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, (options.behind,) * 3 + (255,))
        image = Image.alpha_composite(background, image)
    mode = "L" if options.channels == 1 or image.mode in {"1", "L"} else "RGB"
    if image.mode != mode:  # otherwise Pillow would copy it
        image = image.convert(mode)
    return ImageOps.invert(image) if options.invert else image


def _to_eight_bits(image: Image.Image, options: ImageOptions) -> Image.Image:
    # Imported here: a process that decodes 8-bit files starts in half the time without them.
    import numpy as np

    from latentlab.data.images.bit_depth import choose_range, finite_range, to_uint8

    values = np.asarray(image)
    if values.dtype.byteorder == ">":
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "f" and not np.isfinite(values).any():
        raise UnreadableError("no finite values")
    lowest, highest = finite_range([values])
    stretch = options.levels == "stretch"
    value_range = choose_range(values.dtype, lowest, highest, stretch)
    if not stretch and values.dtype.kind in "iu":
        bits = image.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0] if image.format == "TIFF" else 16  # type: ignore[attr-defined]
        if 8 < bits <= 16 and lowest >= 0 and highest < 2**bits:
            value_range = 0.0, 2.0**bits - 1
    return Image.fromarray(to_uint8(values, value_range))
