"""Converts image files and single images to uint8 arrays, by the rules of `latentlab.data.images.image_file`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentlab.config.data import DataConfig
from latentlab.data.images.image_file import (
    FileItem,
    Pair,
    PreparedImage,
    Ranges,
    UnreadableError,
    convert_and_resize,
    prepare_image,
    read_facts,
    read_image,
    read_raw_values,
)
from latentlab.data.images.resize import Size
from latentlab.data.images.value_range import ValueScan, choose_range, decide, to_uint8
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
    note
        What of the file was not used or looks wrong, in a few words; usually empty.
    """

    pixels: Images
    format: str
    mode: str
    size: Size
    note: str = ""


def decode(
    source: str | bytes,
    target: Size | None,
    config: DataConfig,
    frame: int = 0,
    ranges: Ranges | None = None,
    frames: int | None = None,
) -> DecodedImage:
    """Read and prepare an image file, from its path or its content.

    See `latentlab.data.images.image_file.read_image`.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    """
    return _as_array(read_image(source, target, config, frame, frames, ranges), config)


def decode_known(
    source: str | bytes, target: Size | None, config: DataConfig, known: Ranges | None, frames: int | None = None
) -> DecodedImage:
    """Read and prepare an image file for a model whose training images had the value ranges ``known``.

    An image of a type that they do not hold is read by itself. For the other parameters see `decode`.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    """
    group = read_facts(source, count_frames=False).group if known is not None else ""
    if known is None or (group == "eight" and known.eight is None):
        return decode(source, target, config, 0, None, frames)
    if known.eight == (0.0, 255.0) and group == "eight":  # a dark image may have the values of a mask
        return decode(source, target, config, 0, known, frames)
    raw = read_raw_values(source)
    if raw is None:
        return decode(source, target, config, 0, known, frames)
    scan = ValueScan(raw.values.dtype, raw.bits)
    scan.add(raw.values)
    ranges, _ = decide([scan.facts()], config.levels, known)
    return decode(source, target, config, 0, ranges, frames)


def decode_item(folder: str, item: FileItem, target: Size | None, config: DataConfig, ranges: Ranges) -> DecodedImage:
    """Read and prepare one image of a dataset in a folder.

    Raises
    ------
    UnreadableError
        When the file is not a complete image of an accepted format.
    UnexpectedImageError
        When the dataset was not prepared for it.
    """
    name, frame, frames = (item, 0, frames_of_plain(config)) if isinstance(item, str) else item
    return _as_array(read_image(os.path.join(folder, name), target, config, frame, frames, ranges), config)


def frames_of_plain(config: DataConfig) -> int | None:
    """How many frames a file has that is named without a frame; ``None`` if only first frames are used."""
    return None if config.frame_step is None else 1


def decode_pixels(
    pixels: NDArray[Any], target: Size | None, config: DataConfig, format: str, ranges: Ranges | None = None
) -> DecodedImage:
    """Prepare an image [H, W] or [H, W, C] of any number type in the same way as a file.

    Parameters
    ----------
    pixels, target, config
        The image, the size (width, height) of the result, and how it is prepared.
    format
        Of the file that it comes from, for `DecodedImage.format`.
    ranges
        The dataset's value ranges; ``None`` decides by this image alone.

    Raises
    ------
    UnreadableError
        When the array is not an image.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or 0 in pixels.shape:
        raise UnreadableError(f"an array of shape {pixels.shape} is not an image")
    scan = ValueScan(pixels.dtype)
    scan.add(pixels)
    facts = scan.facts()
    known: Pair | None = getattr(ranges, facts.group) if ranges is not None and facts.group else None
    chosen = choose_range(facts, config.levels) if known is None else None
    value_range = known if chosen is None else (chosen.low, chosen.high)
    height, width, channels = pixels.shape
    prepared = prepare_array(to_uint8(pixels, value_range or (0.0, 255.0)).transpose(2, 0, 1), target, config)
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
    return DecodedImage(pixels, prepared.format, prepared.mode, prepared.size, prepared.note)


def _is_grey(pixels: Images) -> bool:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return bool((red == green).all() and (green == blue).all())
