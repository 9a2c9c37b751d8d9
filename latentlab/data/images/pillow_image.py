"""Image files that Pillow reads: the plugin of each kind, what a header announces, values and frames."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from PIL import Image, ImageFile, PngImagePlugin

from latentlab.data.images.conversion import (
    convert_and_resize,
    eight_bit_range,
    from_values,
    native,
    range_of,
    with_range,
)
from latentlab.data.images.file_kind import foreign_kind
from latentlab.data.images.image_types import PreparedImage, Ranges, RawValues
from latentlab.data.images.limits import UnreadableError, check_memory
from latentlab.data.images.orientation import orientation_of, swaps_sides, upright
from latentlab.data.images.resize import ImageOptions, Size, scaled_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # per pixel in memory; 4 of others
_BYTES_OF_DEEP = 16  # per pixel, of the lower bits and the values of 16 bits
_COPIES_WITH_ALPHA = 3  # the image, what is behind it, and both together
_DEFLATE_RATIO = 1032  # the largest ratio that deflate can reach
_SCANNED_SIDE = 256  # a JPEG's values are looked at in a reduced copy

# Some programs write their whole scene into an image's text. Pillow's own limits are 1 MB and 64 MB.
PngImagePlugin.MAX_TEXT_CHUNK = 64 << 20
PngImagePlugin.MAX_TEXT_MEMORY = 128 << 20
_MOST_UNPACKED = 512 << 20  # bytes that all compressed texts of a file together may unpack to


class _BoundedStream(PngImagePlugin.PngStream):
    """Bounds what compressed texts take: Pillow does not count a text that turns out to be damaged at its end."""

    _unpacked = 0

    def chunk_zTXt(self, pos: int, length: int) -> bytes:
        self._count(length)
        return super().chunk_zTXt(pos, length)

    def chunk_iTXt(self, pos: int, length: int) -> bytes:
        self._count(length)
        return super().chunk_iTXt(pos, length)

    def chunk_iCCP(self, pos: int, length: int) -> bytes:
        self._count(length)
        return super().chunk_iCCP(pos, length)

    def _count(self, length: int) -> None:
        self._unpacked += min(length * _DEFLATE_RATIO, PngImagePlugin.MAX_TEXT_CHUNK)
        if self._unpacked > _MOST_UNPACKED:
            raise UnreadableError("its texts may unpack to more than 512 MB")


PngImagePlugin.PngStream = _BoundedStream  # type: ignore[misc]


def pillow_file(kind: str, start: bytes, file: BinaryIO) -> ImageFile.ImageFile:
    """Open a file with the plugin of its kind; ``start`` is its beginning, for the reason if it has none.

    Raises
    ------
    UnreadableError
        When the kind is not known, or its plugin is not installed.
    """
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


def announced(kind: str, image: Image.Image, size: int) -> tuple[int, int]:
    """Bytes of pixels that a header announces, and the most that a file of ``size`` bytes can hold."""
    pixels = image.width * image.height * (1 if kind == "BMP" else len(image.getbands()))
    needed = pixels // 8 if kind != "BMP" or image.mode == "1" else pixels // 2 if image.mode == "P" else pixels
    if kind == "BMP" and image.tile and image.tile[0][0] != "raw":  # type: ignore[attr-defined]
        return 0, size  # run lengths; `check_memory` bounds them
    return needed, size * (_DEFLATE_RATIO if kind == "PNG" else 1)


def _deep_tile(image: Image.Image) -> object | None:
    """The tile of a PNG with 16 bits of each colour, whose lower bits Pillow drops; ``None`` for another image."""
    tiles = getattr(image, "tile", [])
    if len(tiles) != 1 or tiles[0][3] not in ("RGB;16B", "RGBA;16B") or "transparency" in image.info:
        return None
    tile: object = tiles[0]
    return tile


class PillowImage:
    """A file that Pillow reads."""

    def __init__(self, image: Image.Image, format: str) -> None:
        self.format = format
        self.messages: list[str] = []
        self.image = image
        self._deep_tile = _deep_tile(image) if format == "PNG" and not self.is_animated else None
        self._file = cast(Any, image).fp if self._deep_tile is not None else None

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
        if self._deep_tile is not None:
            return "whole"
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
        if self._deep_tile is not None:
            return RawValues(self._deep_values()[0], group, None)
        if group == "eight":
            image = image.convert("L" if image.mode in ("L", "LA") else "RGB")
        return RawValues(native(np.asarray(image)), group, None)

    def prepare(self, frame: int, target: Size | None, options: ImageOptions, ranges: Ranges | None) -> PreparedImage:
        """Read and prepare a frame."""
        image = self.image
        mode, size = image.mode, self.size(frame)
        if self.format == "JPEG":
            self._draft(size, target, options)
        self._load(frame)
        group = self.group(frame)
        if self._deep_tile is not None:
            values, alpha = self._deep_values()
            image = from_values(values, alpha, None, False, range_of(ranges, group), options)
        elif group in ("whole", "real"):
            import numpy as np

            image = from_values(native(np.asarray(image)), None, None, False, range_of(ranges, group), options)
        elif group == "eight":
            image = with_range(image, eight_bit_range(image, options, ranges))
        image = convert_and_resize(upright(image, orientation_of(self.image.info)), target, options)
        if image is self.image and self.is_animated:  # the next frame would overwrite it
            image = image.copy()
        return PreparedImage(image, self.format, mode, size, "; ".join(self.messages))

    def _deep_values(self) -> tuple[NDArray[np.uint16], NDArray[np.uint8] | None]:
        """All 16 bits of a colour image that is loaded, [H, W, 3], and its alpha, of 8 bits.

        Pillow has the upper 8 bits of each value. Read again as if its bytes were swapped, the file gives the lower
        ones.
        """
        import numpy as np

        upper = np.asarray(self.image)
        file = cast(BinaryIO, self._file)
        file.seek(0)
        swapped = pillow_file("PNG", b"", file)
        tile = cast(Any, self._deep_tile)
        swapped.tile = [tile._replace(args=tile.args.replace(";16B", ";16L"))]
        swapped.load()
        values = upper[..., :3].astype(np.uint16) << 8 | np.asarray(swapped)[..., :3]
        return values, upper[..., 3] if upper.shape[2] == 4 else None

    def _load(self, frame: int) -> None:
        image = self.image
        if self.is_animated:
            image.seek(frame)
        width, height = image.size
        needed = width * height * _BYTES.get(image.mode, 4)
        if image.has_transparency_data:
            needed = width * height * 4 * _COPIES_WITH_ALPHA
        if self._deep_tile is not None:
            needed += width * height * _BYTES_OF_DEEP
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
