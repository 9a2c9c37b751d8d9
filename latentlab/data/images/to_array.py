"""Image files and arrays of one image become uint8 arrays, by the rules of `latentlab.data.images.image_file`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from latentlab.config.data import DataConfig
from latentlab.data.images.image_file import PreparedImage, finish, prepare_image, read_image
from latentlab.data.images.resize import Size
from latentlab.data.types import Images


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image made ready, and what it was made from.

    Attributes
    ----------
    pixels
        uint8 [C, H, W].
    format, mode, size
        Of the file: Pillow's names, and (width, height) when upright.
    """

    pixels: Images
    format: str
    mode: str
    size: Size


def decode(path: str, target: Size | None, config: DataConfig) -> DecodedImage:
    """Read an image file and make it ready; see `latentlab.data.images.image_file.read_image`.

    Raises
    ------
    UnreadableError
        When the file is no whole image of an accepted format.
    """
    return _decoded(read_image(path, target, config), config)


def decode_image(image: Image.Image, target: Size | None, config: DataConfig) -> DecodedImage:
    """Make ready an image that has been opened; it is used up."""
    return _decoded(prepare_image(image, target, config), config)


def prepare_array(pixels: Images, target: Size | None, config: DataConfig) -> Images:
    """Make an image that is already uint8 [C, H, W], C from 1 to 4, ready as a file's would be."""
    if len(pixels) == 1:
        image = Image.fromarray(np.ascontiguousarray(pixels[0]))
    else:
        mode = {2: "LA", 3: "RGB", 4: "RGBA"}[len(pixels)]
        height_width_channels = np.ascontiguousarray(pixels.transpose(1, 2, 0))
        image = Image.frombytes(mode, height_width_channels.shape[1::-1], height_width_channels.tobytes())
    image = finish(image, target, config)
    return as_pixels(image.tobytes(), image.size, len(image.getbands()), config)


def as_pixels(values: bytes, size: Size, channels: int, config: DataConfig) -> Images:
    """Values of a picture, row by row and with its channels last, as uint8 [C, H, W] of the channels asked for."""
    width, height = size
    flat: Images = np.frombuffer(values, dtype=np.uint8)  # np.asarray of an image would copy once more
    if channels == 1:
        grey = flat.reshape(1, height, width)
        return np.repeat(grey, 3, axis=0) if config.channels == 3 else grey
    pixels = flat.reshape(height, width, 3)
    if config.channels == "auto" and _is_grey(pixels):
        return pixels[None, :, :, 0]
    return pixels.transpose(2, 0, 1)


def _decoded(picture: PreparedImage, config: DataConfig) -> DecodedImage:
    image = picture.image
    pixels = as_pixels(image.tobytes(), image.size, len(image.getbands()), config)
    return DecodedImage(pixels, picture.format, picture.mode, picture.size)


def _is_grey(pixels: Images) -> bool:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return bool((red == green).all() and (green == blue).all())
