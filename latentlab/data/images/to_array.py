"""Converts image files and single images to uint8 arrays, by the rules of `latentlab.data.images.image_file`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from latentlab.config.data import DataConfig
from latentlab.data.images.image_file import PreparedImage, convert_and_resize, prepare_image, read_image
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


def decode(path: str, target: Size | None, config: DataConfig) -> DecodedImage:
    """Read and prepare an image file; see `latentlab.data.images.image_file.read_image`.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    """
    return _as_array(read_image(path, target, config), config)


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
