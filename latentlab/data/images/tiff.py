"""TIFF files: pages of any number type, read by tifffile, or by Pillow where a page is a compressed 8-bit photo.

========================  ==========================================================================================
in the file               read as
========================  ==========================================================================================
pages                     a frame each, without masks and the smaller copies of a pyramid
RGB, palette              colour; bands beyond the third are alpha if the file says so, else left out
other bands               grey from the first; the second is alpha if the file says so, the others are left out
min-is-white              inverted, at any depth
YCbCr, CMYK, Lab          by Pillow, 8 bits
complex numbers, volumes  refused
========================  ==========================================================================================

Sizes that the file announces are compared with its length, and with the memory, before anything is allocated.
"""

from __future__ import annotations

import lzma
import zlib
from functools import cached_property
from importlib.util import find_spec
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile, TiffFileError, TiffPage

from latentlab.data.images.limits import BANDS_USED, UnreadableError, check_memory

_EIGHT_BITS = np.dtype(np.uint8)
_UNCOMPRESSED = 1
_DEFLATE, _LZMA = (8, 32946), 34925
_RATIO = 1032  # the largest ratio that deflate can reach
_PIECE = 1 << 20
_WITHOUT_IMAGECODECS = (_UNCOMPRESSED, *_DEFLATE, _LZMA, 32773)
_PREDICTORS = (1, 2)
_WHOLE_BYTES, _PACKED = (8, 16, 32, 64), (1,)
_BY_TIFFFILE = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE)
_MANY_PAGES = 64  # pyramids have fewer
_ALPHA = (1, 2)  # associated and unassociated, of the tag ExtraSamples
_MODES = {("uint8", 1): "L", ("uint8", 2): "LA", ("uint8", 3): "RGB", ("uint8", 4): "RGBA", ("bool", 1): "1"}
_MODES |= {("uint16", 1): "I;16", ("int32", 1): "I", ("float32", 1): "F"}


class TiffValues(NamedTuple):
    """One page.

    Attributes
    ----------
    values
        [H, W] grey or [H, W, 3] RGB, of any number type.
    alpha
        uint8 [H, W], or ``None``.
    bits
        Bits of the type that are used, if the file says that they are not all.
    inverted
        Whether the lowest value is white.
    """

    values: NDArray[Any]
    alpha: NDArray[np.uint8] | None
    bits: int | None
    inverted: bool


class Tiff:
    """An open TIFF file.

    Parameters
    ----------
    file
        Stays open; closed by the caller.
    size
        Of the file, in bytes.

    Raises
    ------
    UnreadableError
        When it is not a TIFF file with an image.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._size = size
        self._last: tuple[int, TiffPage] | None = None
        try:
            self._tiff = TiffFile(file)
        except TiffFileError as error:
            raise UnreadableError(f"damaged: {error}") from None
        if not len(self._tiff.pages):
            raise UnreadableError("damaged: a TIFF file without a page")

    @cached_property
    def pages(self) -> range | list[int]:
        """Numbers of the pages that are frames."""
        count = len(self._tiff.pages)
        if count > _MANY_PAGES:
            return range(count)
        chosen = [number for number in range(count) if not self._page(number).subfiletype & 0b101]
        return chosen or [0]

    def size(self, frame: int) -> tuple[int, int]:
        """Width and height, upright."""
        page = self._page(self.pages[frame])
        size = page.imagewidth, page.imagelength
        return size[::-1] if self.orientation(frame) >= 5 else size

    def orientation(self, frame: int) -> int:
        """EXIF orientation, 1 to 8."""
        value = self._page(self.pages[frame]).tags.valueof(274, default=1)
        return value if isinstance(value, int) and 1 <= value <= 8 else 1

    def mode(self, frame: int) -> str:
        """Pillow's name of the pixel type where it has one, else type and bands: ``float64 × 3``."""
        page = self._page(self.pages[frame])
        if page.photometric == PHOTOMETRIC.PALETTE:
            return "P"
        if page.photometric == PHOTOMETRIC.SEPARATED:
            return "CMYK"
        name = "unknown" if page.dtype is None else "bool" if page.bitspersample == 1 else page.dtype.name
        bands = page.samplesperpixel
        return _MODES.get((name, bands)) or (name if bands == 1 else f"{name} × {bands}")

    def dtype(self, frame: int) -> np.dtype[Any]:
        """Type of the values that `read` returns."""
        page = self._page(self.pages[frame])
        if page.photometric == PHOTOMETRIC.PALETTE or page.dtype is None:
            return _EIGHT_BITS
        return np.dtype(bool) if page.bitspersample == 1 else page.dtype

    def note(self, frame: int) -> str:
        """What of the page is not used, in a few words; empty if everything is."""
        page = self._page(self.pages[frame])
        colours = 3 if page.photometric == PHOTOMETRIC.RGB else 1
        bands = page.samplesperpixel
        if page.photometric not in _BY_TIFFFILE or bands <= colours:
            return ""
        used = colours + bool(self._has_alpha(page, colours))
        return "" if used >= bands else f"{used} of {bands} {BANDS_USED}"

    def pillow_page(self, frame: int) -> int | None:
        """The page's number if Pillow should read it, else ``None``."""
        number = self.pages[frame]
        page = self._page(number)
        return None if page.photometric in _BY_TIFFFILE and _is_decodable(page) else number

    def bits(self, frame: int) -> int | None:
        """Bits that are used of a whole number's type, if they are not all."""
        page = self._page(self.pages[frame])
        bits = _bits(page)
        is_whole = page.dtype is not None and page.dtype.kind in "iu"
        return bits if is_whole and page.dtype is not None and bits != 8 * page.dtype.itemsize else None

    def is_inverted(self, frame: int) -> bool:
        """Whether the lowest value is white."""
        return bool(self._page(self.pages[frame]).photometric == PHOTOMETRIC.MINISWHITE)

    def unsupported_reason(self, number: int, error: Exception) -> str:
        """Why Pillow could not read a page either."""
        page = self._page(number)
        if not _is_decodable(page):
            name = getattr(page.compression, "name", page.compression)
            return f"{name}-compressed TIFF of {_bits(page)} bits is read with pip install latentlab[tiff]"
        return f"damaged: {' '.join(str(error).split())[:160]}"

    def check(self, frame: int) -> None:
        """Check a page's announced size.

        Raises
        ------
        UnreadableError
            When it does not fit the file or the memory, or is not an image.
        """
        page = self._page(self.pages[frame])
        if page.imagewidth < 1 or page.imagelength < 1 or page.samplesperpixel < 1:
            raise UnreadableError("damaged: a page without pixels")
        if page.imagedepth > 1:
            raise UnreadableError("a volume in one page; save it as a stack of pages")
        if page.dtype is None:
            raise UnreadableError(f"TIFF values of {page.bitspersample} bits are not read")
        if page.dtype.kind == "c":
            raise UnreadableError("complex numbers are not an image; save their magnitude")
        pixels = page.imagewidth * page.imagelength * page.samplesperpixel
        check_memory((page.imagewidth, page.imagelength), pixels * page.dtype.itemsize)
        counts, offsets = page.databytecounts, page.dataoffsets
        if len(counts) != len(offsets) or any(
            start + count > self._size for start, count in zip(offsets, counts, strict=True)
        ):
            raise UnreadableError("damaged: image file is truncated")
        packed = -(-pixels * _bits(page) // 8)
        if page.compression == _UNCOMPRESSED and all(counts) and sum(counts) < packed:
            raise UnreadableError(f"damaged: {sum(counts)} of {packed} bytes of pixels")
        if page.compression in (*_DEFLATE, _LZMA):
            self._check_unpacked(page, pixels * page.dtype.itemsize)

    def read(self, frame: int) -> TiffValues:
        """Read a page that `check` accepts and Pillow does not read.

        Raises
        ------
        UnreadableError
            When its compression or arrangement is not supported, or it is damaged.
        """
        page = self._page(self.pages[frame])
        try:
            values = page.asarray()
        except (ValueError, NotImplementedError) as error:
            raise UnreadableError(f"damaged: {' '.join(str(error).split())[:160]}") from None
        values = np.atleast_2d(np.asarray(values))
        if page.axes == "SYX":
            values = np.moveaxis(values, 0, -1)
        if values.dtype.byteorder == ">":
            values = values.astype(values.dtype.newbyteorder("="))
        if page.photometric == PHOTOMETRIC.PALETTE:
            return TiffValues(_coloured(page, values), None, None, False)
        if page.bitspersample == 1:
            values = values.astype(bool)
        colours = 3 if page.photometric == PHOTOMETRIC.RGB else 1
        inverted, bits, used = self.is_inverted(frame), _bits(page), self.bits(frame)
        if values.ndim == 2:
            return TiffValues(values, None, used, inverted)
        alpha = values[..., colours] if self._has_alpha(page, colours) else None
        if alpha is not None:
            alpha = _alpha(alpha, bits)
        return TiffValues(values[..., :3] if colours == 3 else values[..., 0], alpha, used, inverted)

    def _page(self, number: int) -> TiffPage:
        if self._last is None or self._last[0] != number:
            try:
                page = cast(TiffPage, self._tiff.pages.get(number, aspage=True, cache=False))
            except (IndexError, ValueError, TiffFileError) as error:
                raise UnreadableError(f"damaged: {error}") from None
            self._last = number, page
        return self._last[1]

    def _has_alpha(self, page: TiffPage, colours: int) -> bool:
        return page.samplesperpixel > colours and bool(page.extrasamples) and page.extrasamples[0] in _ALPHA

    def _check_unpacked(self, page: TiffPage, size: int) -> None:
        """Check the unpacked length of segments whose packed length allows for more than the memory."""
        for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if page.compression != _LZMA and count * _RATIO <= max(4 * size, 64 << 20):
                continue
            unpack: Any = lzma.LZMADecompressor() if page.compression == _LZMA else zlib.decompressobj()
            self._tiff.filehandle.seek(start)
            data = self._tiff.filehandle.read(count)
            length = 0
            try:
                while data and not unpack.eof:
                    length += len(unpack.decompress(data, _PIECE))
                    data = b"" if page.compression == _LZMA else unpack.unconsumed_tail
                    if page.compression == _LZMA and unpack.needs_input:
                        break
                    if length > 2 * size + _PIECE:
                        raise UnreadableError("decompression bomb: a page unpacks to more than it announces")
            except (zlib.error, lzma.LZMAError) as error:
                raise UnreadableError(f"damaged: {error}") from None


def _bits(page: TiffPage) -> int:
    """Bits of a value; of the widest where bands differ."""
    bits = page.bitspersample
    return int(bits) if isinstance(bits, int) else int(max(bits))


def _is_decodable(page: TiffPage) -> bool:
    """Whether tifffile has what it needs for the page: most compressions and odd depths need imagecodecs."""
    if find_spec("imagecodecs") is not None:
        return True
    plain = _bits(page) in _WHOLE_BYTES or (page.compression == _UNCOMPRESSED and _bits(page) in _PACKED)
    return plain and page.compression in _WITHOUT_IMAGECODECS and page.predictor in _PREDICTORS


def _coloured(page: TiffPage, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours of a page with a palette, uint8 [H, W, 3]."""
    palette = page.colormap
    if palette is None or values.ndim != 2:
        raise UnreadableError("damaged: a palette without colours")
    if values.size and int(values.max()) >= palette.shape[1]:
        raise UnreadableError("damaged: a colour that is not in the palette")
    eight = palette >> 8 if int(palette.max(initial=0)) > 255 else palette
    return np.moveaxis(eight.astype(np.uint8)[:, values], 0, -1)


def _alpha(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    top = 1.0 if values.dtype.kind == "f" else 2.0**bits - 1
    return np.rint(values.astype(np.float64).clip(0, top) * (255.0 / top)).astype(np.uint8)
