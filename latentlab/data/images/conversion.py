"""Converts a decoded image to 8 bits by its value range, to grey or RGB, and to the requested size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from latentlab.data.images.image_types import Pair, Ranges, UnexpectedImageError
from latentlab.data.images.limits import UnreadableError
from latentlab.data.images.resize import ImageOptions, Size, fit_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def convert_and_resize(image: Image.Image, target: Size | None, options: ImageOptions) -> Image.Image:
    """Convert an upright image of mode 1, L, LA, P, RGB, RGBA … to the requested channels and size."""
    image = _to_grey_or_rgb(image, options)
    return image if target is None else fit_image(image, target, options)


def native(values: NDArray[Any]) -> NDArray[Any]:
    """Values in the byte order of this machine."""
    return values.astype(values.dtype.newbyteorder("=")) if values.dtype.byteorder == ">" else values


def range_of(ranges: Ranges | None, group: str) -> Pair | None:
    """The range of a group; ``None`` if the image decides itself."""
    if ranges is None or not group:
        return None
    found: Pair | None = getattr(ranges, group)
    if found is None:
        raise UnexpectedImageError(group)
    return found


def eight_bit_range(image: Image.Image, options: ImageOptions, ranges: Ranges | None) -> Pair:
    """The range of an 8-bit image; an image alone is stretched only on request."""
    if ranges is not None:
        return range_of(ranges, "eight") or (0.0, 255.0)
    if "," in options.levels:
        low, _, high = options.levels.partition(",")
        return float(low), float(high)
    if options.levels != "window":
        return 0.0, 255.0
    extremes = image.convert("RGB").getextrema()
    return float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))  # type: ignore[misc]


def with_range(image: Image.Image, value_range: Pair) -> Image.Image:
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


def from_values(
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
