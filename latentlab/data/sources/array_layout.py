"""The layouts of arrays of images: which axis counts the images, the rows, the columns and the channels."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import InputError

_MAX_CHANNELS = 4
_SMALLEST_SIDE = 8
_SEVERAL_CHANNELS = (3, 4)


class Layout(NamedTuple):
    """How an array holds images.

    Attributes
    ----------
    name
        For the user: ``N×H×W×C`` and the like.
    images, height, width, channels
        Number and size of the images.
    is_certain
        Whether there is no other reading of the shape.
    """

    name: str
    images: int
    height: int
    width: int
    channels: int
    is_certain: bool = True


def layout_of(shape: tuple[int, ...]) -> Layout | None:
    """The layout of an array of images by its shape; ``None`` if it is not one of images.

    ====================  =======================================================================================
    four axes             N×H×W×C if the last is 1 to 4, else N×C×H×W if the second is, else H×W×C×N (as in MATLAB)
                          if the third is
    three axes            one image H×W×C if the last is 1 to 4, else N×H×W
    two axes              N flattened images: of 3 square colour planes (as in CIFAR) if a third of the second is a
                          square number and itself is not, else square ones
    ====================  =======================================================================================
    """
    if 0 in shape:
        return None
    if len(shape) == 4:
        return _of_four(shape)
    if len(shape) == 3:
        if shape[2] <= _MAX_CHANNELS:
            # A row of N images that are 1 to 4 pixels wide is no reading: the smallest image has 8 × 8 pixels.
            return Layout("H×W×C", 1, *shape)
        return Layout("N×H×W", *shape, 1, is_certain=shape[0] not in _SEVERAL_CHANNELS)
    if len(shape) == 2:
        return _of_flattened(*shape)
    return None


def _of_four(shape: tuple[int, ...]) -> Layout | None:
    first, second, third, fourth = shape
    if fourth <= _MAX_CHANNELS:
        return Layout("N×H×W×C", first, second, third, fourth, is_certain=second > _MAX_CHANNELS)
    if second <= _MAX_CHANNELS:
        return Layout("N×C×H×W", first, third, fourth, second, is_certain=third > _MAX_CHANNELS)
    if third <= _MAX_CHANNELS and min(first, second) >= _SMALLEST_SIDE:
        return Layout("H×W×C×N", fourth, first, second, third)
    return None


def _of_flattened(count: int, values: int) -> Layout | None:
    side = math.isqrt(values)
    if side * side == values and side >= _SMALLEST_SIDE:
        return Layout("N×(H·W)", count, side, side, 1)
    side = math.isqrt(values // 3)
    if 3 * side * side == values and side >= _SMALLEST_SIDE:
        return Layout("N×(C·H·W)", count, side, side, 3)
    return None


def in_layout(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """The images as a view [N, H, W] or [N, H, W, C]."""
    if layout.name == "N×C×H×W":
        return np.moveaxis(array, 1, 3)
    if layout.name == "H×W×C×N":
        return np.moveaxis(array, 3, 0)
    if layout.name == "H×W×C":
        return array[None]
    if layout.name == "N×(H·W)":
        return array.reshape(len(array), layout.height, layout.width)
    if layout.name == "N×(C·H·W)":
        return np.moveaxis(array.reshape(len(array), 3, layout.height, layout.width), 1, 3)
    return array


def as_images(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Convert any known layout to [N, H, W] or [N, H, W, C]; see `layout_of`.

    Raises
    ------
    InputError
        When it is text, or of no known layout.
    """
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} has {array.dtype.name} values, which are not images")
    layout = layout_of(array.shape)
    if layout is None:
        raise InputError(
            f"{name} has shape {array.shape}, which is not a known layout of images (N×H×W, N×H×W×C, N×C×H×W, H×W×C×N)"
        )
    return in_layout(array, layout)


def layout_note(shape: tuple[int, ...], name: str) -> str:
    """How a shape was read, if it could be read otherwise or is not one that says so itself; else empty."""
    layout = layout_of(shape)
    if layout is None or (layout.is_certain and layout.name in ("N×H×W", "N×H×W×C", "N×C×H×W")):
        return ""
    size = f"{layout.images:,} of {layout.height}×{layout.width}" + (
        f"×{layout.channels}" if layout.channels > 1 else ""
    )
    doubt = "" if layout.is_certain else ", though another reading is possible"
    return f"{name} of shape {'×'.join(map(str, shape))} is read as images {layout.name}: {size}{doubt}"
