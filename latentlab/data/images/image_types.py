"""What is said about an image file and its values: ranges, facts of the header, raw values, the prepared image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from latentlab.data.images.resize import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pair = tuple[float, float]
FileItem = str | tuple[str, int, int]
"""A file of one image; or a file, the number of a frame in it, and how many it has."""

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


NO_RANGES = Ranges(None)
"""Where no type of image is known."""


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
