"""Reads an image file as a grey or RGB image of the requested size: accepted formats, and how modes are converted.

=====================  ==========================================================================================
in the file            converted to
=====================  ==========================================================================================
EXIF orientation       rotated upright; damaged EXIF is ignored
animated, many pages   one frame, the first unless another is asked for
1-bit                  black and white
other depths           8 bits by the dataset's `latentlab.data.images.value_range`
16-bit colour          of a TIFF by the value range; of other formats the upper 8 bits
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
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from latentlab.data.images.file_kind import HEAD, file_kind, foreign_kind, webp_size
from latentlab.data.images.library_warnings import collected_warnings
from latentlab.data.images.limits import BANDS_USED, FIRST_FRAME_USED, UnreadableError, check_announced, check_memory
from latentlab.data.images.orientation import orientation_of, swaps_sides, upright
from latentlab.data.images.resize import ImageOptions, Size, fit_image, scaled_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from latentlab.data.images.tiff import Tiff

__all__ = [
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
    "failure_reason",
    "has_image_format",
    "open_regular",
    "prepare_image",
    "read_facts",
    "read_image",
    "read_image_info",
    "read_raw_values",
]

Pair = tuple[float, float]
FileItem = str | tuple[str, int, int]
"""A file of one image; or a file, the number of a frame in it, and how many it has."""

SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heif", ".hif"}
)
_PLUGINS = {
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),  # also of MPO, a JPEG with a second image appended
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "PPM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
}
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_SMALL_FILE = 8 << 20
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # per pixel in memory; 4 of others
_DEFLATE_RATIO = 1032  # the largest ratio that deflate can reach
_SCANNED_SIDE = 256  # a JPEG's values are looked at in a reduced copy
_UNSUPPORTED = re.compile(
    r"support|unrecogni|cannot handle|not implemented|unknown (?:\w+ )?(?:mode|type|format)", re.I
)

# Some programs write their whole scene into an image's text. Pillow's own limits are 1 MB and 64 MB.
PngImagePlugin.MAX_TEXT_CHUNK = 64 << 20
PngImagePlugin.MAX_TEXT_MEMORY = 128 << 20


ANY_FRAMES = 0
"""Number of frames of a file of which only the first is used, which its note says if there are others."""


class UnexpectedImageError(Exception):
    """A file has more frames, or values of another type, than its dataset was prepared for."""


class Ranges(NamedTuple):
    """The values shown black and white by the type of the image; ``None`` where no file of the type is known.

    Attributes
    ----------
    eight
        For unsigned 8 bits.
    whole
        For other whole numbers.
    real
        For floating point numbers.
    """

    eight: Pair | None = (0.0, 255.0)
    whole: Pair | None = None
    real: Pair | None = None


class ImageFacts(NamedTuple):
    """What the header of a file says.

    Attributes
    ----------
    size
        Upright (width, height) of the first frame.
    mode
        Pillow's name of the pixel type.
    format
        ``"PNG"`` and so on.
    frames
        Number of frames.
    group
        The field of `Ranges` for its values; empty for 1-bit images.
    """

    size: Size
    mode: str
    format: str
    frames: int
    group: str


class RawValues(NamedTuple):
    """The values of a frame before they are mapped to 8 bits.

    Attributes
    ----------
    values
        [H, W] or [H, W, 3].
    group
        As in `ImageFacts`.
    bits
        Bits that are used of a whole number, if the file says so.
    """

    values: NDArray[Any]
    group: str
    bits: int | None


class PreparedImage(NamedTuple):
    """A prepared image, and format, mode and size of its file.

    Attributes
    ----------
    image
        Of mode L or RGB.
    format, mode, size
        Of the file: Pillow's names, and upright (width, height).
    note
        What of the file was not used or looks wrong, in a few words; usually empty.
    """

    image: Image.Image
    format: str
    mode: str
    size: Size
    note: str = ""


def open_regular(path: str | PurePath) -> BufferedReader:
    """Open a regular file for reading; others, such as a FIFO, are refused without blocking.

    Raises
    ------
    UnreadableError
        Also when the file does not exist or its permissions forbid reading.
    """
    return open(_open_regular(path)[0], "rb")


def _open_regular(path: str | PurePath) -> tuple[int, os.stat_result]:
    """Open a regular file; returns descriptor and status."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        raise UnreadableError(failure_reason(error)) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableError("not a regular file")
    return descriptor, status


def has_image_format(path: str | PurePath) -> bool:
    """Whether a regular file begins like an image of an accepted format."""
    try:
        with open_regular(path) as file:
            return bool(file_kind(file.read(HEAD)))
    except (UnreadableError, OSError):
        return False


def failure_reason(error: Exception) -> str:
    """Why a file could not be read, in a few words for the user."""
    if isinstance(error, FileNotFoundError | MemoryError):
        return "vanished" if isinstance(error, FileNotFoundError) else "does not fit into memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = " ".join(str(error).split())[:160]
    if "MAX_TEXT" in text or "too large for PngImagePlugin" in text:
        return "its text or colour profile unpacks to more than 64 MB"
    is_unsupported = isinstance(error, NotImplementedError) or _UNSUPPORTED.search(text)
    return f"{'not supported' if is_unsupported else 'damaged'}: {text or type(error).__name__}"


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
        return _PillowImage(image, image.format or "").prepare(0, target, options, None)


def convert_and_resize(image: Image.Image, target: Size | None, options: ImageOptions) -> Image.Image:
    """Convert an upright image of mode 1, L, LA, P, RGB, RGBA … to the requested channels and size."""
    image = _to_grey_or_rgb(image, options)
    return image if target is None else fit_image(image, target, options)


@contextmanager
def _reading(source: str | bytes) -> Iterator[_PillowImage | _TiffImage]:
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
    image: _PillowImage | _TiffImage | None = None


_kept = _Kept()


def _kept_open(source: str | bytes) -> _PillowImage | _TiffImage:
    if isinstance(source, bytes):
        return _open(BytesIO(source), len(source))
    descriptor, status = _open_regular(source)
    key = source, status.st_ino, status.st_size, status.st_mtime_ns
    if _kept.image is not None and _kept.key == key:
        os.close(descriptor)
        return _kept.image
    _kept.image = None
    image = _open(_Descriptor.opened(descriptor, status.st_size), status.st_size)
    if image.is_animated:
        _kept.key, _kept.image = key, image
    return image


class _Descriptor(RawIOBase):
    """A file that is closed when it is no longer referenced, without a warning."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def opened(cls, descriptor: int, size: int) -> BinaryIO:
        """The file of a descriptor; a small one is read completely.

        Every system call releases the GIL, and acquiring it again costs threads more time than the reading.
        """
        if size > _SMALL_FILE:
            return cast(BinaryIO, BufferedReader(cls(descriptor)))
        try:
            return BytesIO(os.read(descriptor, size))
        except OSError as error:
            raise UnreadableError(failure_reason(error)) from None
        finally:
            os.close(descriptor)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return os.readv(self._descriptor, [buffer]) if hasattr(os, "readv") else self._copied(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _copied(self, buffer: Any) -> int:
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _open(file: BinaryIO, size: int) -> _PillowImage | _TiffImage:
    """Open an image file of ``size`` bytes by its content."""
    start = file.read(HEAD)
    file.seek(0)
    kind = file_kind(start)
    if kind == "TIFF":
        from latentlab.data.images.tiff import Tiff

        return _TiffImage(Tiff(file, size), file)
    if kind == "WEBP":  # its decoder allocates two canvases when it opens a file
        canvas = webp_size(start)
        check_memory(canvas, 8 * canvas[0] * canvas[1])
    image = _pillow_file(kind, start, file)
    if kind in ("PNG", "BMP", "PPM"):
        check_announced(image.size, *_announced(kind, image, size))
    return _PillowImage(image, kind)


def _pillow_file(kind: str, start: bytes, file: BinaryIO) -> ImageFile.ImageFile:
    if not kind:
        foreign = foreign_kind(start)
        raise UnreadableError(
            f"{foreign}, which is not read as an image" if foreign else "not an image of a known format"
        )
    module, name = _PLUGINS[kind]
    try:
        opened: ImageFile.ImageFile = getattr(import_module(module), name)(file)
    except ImportError:
        raise UnreadableError("HEIC is read with pip install latentlab[heic]") from None
    return opened


def _announced(kind: str, image: Image.Image, size: int) -> tuple[int, int]:
    """Bytes of pixels that a header announces, and the most that a file of ``size`` bytes can hold."""
    pixels = image.width * image.height * (1 if kind == "BMP" else len(image.getbands()))
    needed = pixels // 8 if kind != "BMP" or image.mode == "1" else pixels // 2 if image.mode == "P" else pixels
    if kind == "BMP" and image.tile and image.tile[0][0] != "raw":  # type: ignore[attr-defined]
        return 0, size  # run lengths; `check_memory` bounds them
    return needed, size * (_DEFLATE_RATIO if kind == "PNG" else 1)


class _PillowImage:
    """A file that Pillow reads."""

    def __init__(self, image: Image.Image, format: str) -> None:
        self.format = format
        self.messages: list[str] = []
        self.image = image

    @property
    def is_animated(self) -> bool:
        """Whether there are several frames, without counting them."""
        return self.format in _ANIMATED and bool(getattr(self.image, "is_animated", False))

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.image.n_frames) if self.is_animated else 1  # type: ignore[attr-defined]

    def size(self, frame: int) -> Size:
        """Upright size."""
        size = self.image.size
        return size[::-1] if swaps_sides(orientation_of(self.image.info)) else size

    def mode(self, frame: int) -> str:
        """Pillow's mode."""
        return self.image.mode

    def group(self, frame: int) -> str:
        """The field of `Ranges`; empty for 1-bit images."""
        mode = self.image.mode
        return "" if mode == "1" else "whole" if mode.startswith("I") else "real" if mode == "F" else "eight"

    def raw_values(self, frame: int) -> RawValues | None:
        """The values, of a JPEG from a reduced copy; ``None`` for 1-bit images."""
        import numpy as np

        image = self.image
        if self.format == "JPEG":
            image.draft(None, (_SCANNED_SIDE, _SCANNED_SIDE))
        self._load(frame)
        group = self.group(frame)
        if not group:
            return None
        if group == "eight":
            image = image.convert("L" if image.mode in ("L", "LA") else "RGB")
        return RawValues(_native(np.asarray(image)), group, None)

    def prepare(self, frame: int, target: Size | None, options: ImageOptions, ranges: Ranges | None) -> PreparedImage:
        """Read and prepare a frame."""
        image = self.image
        mode, size = image.mode, self.size(frame)
        if self.format == "JPEG":
            self._draft(size, target, options)
        self._load(frame)
        group = self.group(frame)
        if group in ("whole", "real"):
            import numpy as np

            image = _from_values(_native(np.asarray(image)), None, None, False, _field(ranges, group), options)
        elif group == "eight":
            image = _with_range(image, _eight_range(image, options, ranges))
        image = convert_and_resize(upright(image, orientation_of(self.image.info)), target, options)
        if image is self.image and self.is_animated:  # the next frame would overwrite it
            image = image.copy()
        return PreparedImage(image, self.format, mode, size, "; ".join(self.messages))

    def _load(self, frame: int) -> None:
        image = self.image
        if self.is_animated:
            image.seek(frame)
        width, height = image.size
        needed = width * height * _BYTES.get(image.mode, 4)
        if self.format == "JPEG" and image.info.get("progressive"):
            full = cast(Any, image).tile[0][1][2:] if getattr(image, "tile", None) else image.size
            needed += 2 * len(image.getbands()) * full[0] * full[1]  # coefficients of the whole image
        check_memory(image.size, needed)
        image.load()

    def _draft(self, size: Size, target: Size | None, options: ImageOptions) -> None:
        """Let the JPEG decoder scale down by 2, 4 or 8, to at least the needed size."""
        needed = scaled_size(size, target, options.fit) if target else size
        if size != self.image.size:
            needed = needed[::-1]
        self.image.draft("L" if options.channels == 1 else None, needed)


class _TiffImage:
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
        import numpy as np

        self._tiff.check(frame)
        mode, size, orientation = self.mode(frame), self.size(frame), 1
        page = self._tiff.pillow_page(frame)
        if page is not None:
            image, inverted = self._loaded_by_pillow(page, frame)
            deep = image.mode.startswith("I") or image.mode == "F"
            values = _native(np.asarray(image)) if deep else None
            alpha, bits = None, self._tiff.bits(frame)
        else:
            values, alpha, bits, inverted = self._tiff.read(frame)
            orientation = self._tiff.orientation(frame)
        if values is not None:
            image = _from_values(values, alpha, bits, inverted, _field(ranges, self.group(frame)), options)
        else:
            image = _with_range(image, _eight_range(image, options, ranges))
        image = convert_and_resize(upright(image, orientation), target, options)
        note = "; ".join(filter(None, [self._tiff.note(frame), *self.messages]))
        return PreparedImage(image, self.format, mode, size, note)

    def _by_pillow(self, page: int) -> _PillowImage:
        self._file.seek(0)
        try:
            image = _pillow_file("TIFF", b"", self._file)
            image.seek(page)
        except (SyntaxError, EOFError, KeyError, OSError) as error:
            raise UnreadableError(self._tiff.unsupported_reason(page, error)) from None
        return _PillowImage(image, self.format)

    def _loaded_by_pillow(self, page: int, frame: int) -> tuple[Image.Image, bool]:
        """The page, which Pillow has turned upright, and whether its values are still to be inverted."""
        image = self._by_pillow(page).image
        try:
            image.load()
        except (OSError, ValueError) as error:
            raise UnreadableError(self._tiff.unsupported_reason(page, error)) from None
        return image, self._tiff.is_inverted(frame) and image.mode.startswith("I")


def _native(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(values.dtype.newbyteorder("=")) if values.dtype.byteorder == ">" else values


def _field(ranges: Ranges | None, group: str) -> Pair | None:
    """The range of a group; ``None`` if the image decides itself."""
    if ranges is None or not group:
        return None
    found: Pair | None = getattr(ranges, group)
    if found is None:
        raise UnexpectedImageError(group)
    return found


def _eight_range(image: Image.Image, options: ImageOptions, ranges: Ranges | None) -> Pair:
    """The range of an 8-bit image; an image alone is stretched only on request."""
    if ranges is not None:
        return _field(ranges, "eight") or (0.0, 255.0)
    if "," in options.levels:
        low, _, high = options.levels.partition(",")
        return float(low), float(high)
    if options.levels != "window":
        return 0.0, 255.0
    extremes = image.convert("RGB").getextrema()
    return float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))  # type: ignore[misc]


def _with_range(image: Image.Image, value_range: Pair) -> Image.Image:
    """Map a range of an 8-bit image's values to 0 … 255; transparency stays."""
    if value_range == (0.0, 255.0) or image.mode == "1":
        return image
    alpha = image.has_transparency_data
    mode = ("LA" if alpha else "L") if image.mode in ("L", "LA") and not alpha else "RGBA" if alpha else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    low, high = value_range
    span = max(high - low, 1e-9)
    table = [round(min(max((value - low) * 255.0 / span, 0.0), 255.0)) for value in range(256)]
    colours = len(image.getbands()) - alpha
    return image.point(table * colours + list(range(256)) * alpha)


def _from_values(
    values: NDArray[Any],
    alpha: NDArray[np.uint8] | None,
    bits: int | None,
    inverted: bool,
    value_range: Pair | None,
    options: ImageOptions,
) -> Image.Image:
    """An 8-bit image of values [H, W] or [H, W, 3] of any type."""
    # Imported here: a process that decodes 8-bit files starts in half the time without them.
    import numpy as np

    from latentlab.data.images.value_range import ValueScan, choose_range, to_uint8

    if values.dtype.kind == "f" and not np.isfinite(values).any():
        raise UnreadableError("no finite values")
    if value_range is None and values.dtype.kind == "b":
        value_range = 0.0, 1.0
    if value_range is None:
        scan = ValueScan(values.dtype, bits)
        scan.add(values)
        chosen = choose_range(scan.facts(), options.levels)
        value_range = chosen.low, chosen.high
    eight = to_uint8(values, value_range)
    if inverted:
        eight = 255 - eight
    image = Image.fromarray(np.ascontiguousarray(eight))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha)))
    return image


def _to_grey_or_rgb(image: Image.Image, options: ImageOptions) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, (options.behind,) * 3 + (255,))
        image = Image.alpha_composite(background, image)
    mode = "L" if options.channels == 1 or image.mode in {"1", "L"} else "RGB"
    if image.mode != mode:  # otherwise Pillow would copy it
        image = image.convert(mode)
    return ImageOps.invert(image) if options.invert else image
