"""Converts image files and single images to uint8 arrays, by the rules of `latentlab.data.images.image_file`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.config.data import DataConfig
from latentlab.data.images.bit_depth import choose_range, finite_range, to_uint8
from latentlab.data.images.image_file import (
    PreparedImage,
    UnreadableError,
    convert_and_resize,
    prepare_image,
    read_image,
)
from latentlab.data.images.resize import Size
from latentlab.data.types import Images


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A prepared image as an array, and format, mode and size of its file.

    Attributes
    ----------
    pixels
        uint8 [C, H, W].
    format, mode, size
        Of the file: Pillow's names, and upright (width, height).
    """

    pixels: Images
    format: str
    mode: str
    size: Size


def decode(source: str | bytes, target: Size | None, config: DataConfig) -> DecodedImage:
    """Read and prepare an image file, from its path or its content.

    See `latentlab.data.images.image_file.read_image`.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    """
    return _as_array(read_image(source, target, config), config)


def decode_pixels(pixels: NDArray[Any], target: Size | None, config: DataConfig, format: str) -> DecodedImage:
    """Prepare an image [H, W] or [H, W, C] of any number type in the same way as a file.

    Parameters
    ----------
    pixels, target, config
        The image, the size (width, height) of the result, and how it is prepared.
    format
        Of the file that it comes from, for `DecodedImage.format`.

    Raises
    ------
    UnreadableError
        When the array is not an image.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or 0 in pixels.shape:
        raise UnreadableError(f"an array of shape {pixels.shape} is not an image")
    value_range = choose_range(pixels.dtype, *finite_range([pixels]), config.levels == "stretch")
    height, width, channels = pixels.shape
    prepared = prepare_array(to_uint8(pixels, value_range).transpose(2, 0, 1), target, config)
    return DecodedImage(prepared, format, f"{pixels.dtype} × {channels}", (width, height))


def decode_image(image: Image.Image, target: Size | None, config: DataConfig) -> DecodedImage:
    """Prepare an opened image, which is modified."""
    return _as_array(prepare_image(image, target, config), config)


def prepare_array(pixels: Images, target: Size | None, config: DataConfig) -> Images:
    """Prepare an image that is uint8 [C, H, W], C from 1 to 4, in the same way as a file."""
    if len(pixels) == 1:
        image = Image.fromarray(np.ascontiguousarray(pixels[0]))
    else:
        mode = {2: "LA", 3: "RGB", 4: "RGBA"}[len(pixels)]
        height_width_channels = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        image = Image.frombytes(mode, height_width_channels.shape[1::-1], height_width_channels.tobytes())
    image = convert_and_resize(image, target, config)
    return as_pixels(image.tobytes(), image.size, len(image.getbands()), config)


def as_pixels(values: bytes, size: Size, channels: int, config: DataConfig) -> Images:
    """Convert the values of an image, in HWC order, to uint8 [C, H, W] with the requested channels."""
    width, height = size
    flat: Images = np.frombuffer(values, dtype=np.uint8)  # np.asarray(image) would copy once more
    if channels == 1:
        grey = flat.reshape(1, height, width)
        return np.repeat(grey, 3, axis=0) if config.channels == 3 else grey
    pixels = flat.reshape(height, width, 3)
    if config.channels == "auto" and _is_grey(pixels):
        return pixels[None, :, :, 0]
    return pixels.transpose(2, 0, 1)


def _as_array(prepared: PreparedImage, config: DataConfig) -> DecodedImage:
    image = prepared.image
    pixels = as_pixels(image.tobytes(), image.size, len(image.getbands()), config)
    return DecodedImage(pixels, prepared.format, prepared.mode, prepared.size)


def _is_grey(pixels: Images) -> bool:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return bool((red == green).all() and (green == blue).all())
