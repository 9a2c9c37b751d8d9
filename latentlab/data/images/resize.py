"""Resizes images of any size and aspect ratio to one size, and chooses that size if none is set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from latentlab.config.data import DataConfig

Size = tuple[int, int]  # (width, height), as Pillow has it

_FILTER = Image.Resampling.BICUBIC
# Large reductions start with a box average to at least this many times the target size:
# Pillow documents 3 as "almost indistinguishable" from direct resampling.
_REDUCING_GAP = 3.0
_CHOICES = (64, 48, 32, 24, 16)


class ImageOptions(Protocol):
    """The fields of ``DataConfig`` that change an image; a decoding process has only these."""

    @property
    def channels(self) -> Literal["auto", 1, 3]:
        """Grey, RGB, or as in the image."""

    @property
    def fit(self) -> Literal["fit", "crop", "stretch"]:
        """How an image of another aspect ratio is resized."""

    @property
    def invert(self) -> bool:
        """Whether to invert black and white."""

    @property
    def levels(self) -> str:
        """Which values are black and white."""

    @property
    def behind(self) -> int:
        """Grey value behind transparent pixels."""

    @property
    def margin(self) -> int:
        """Grey value of margins."""


def target_size(sizes: Sequence[Size], config: DataConfig) -> Size:
    """The size to which images of ``sizes`` are resized.

    A square of side ``image_size`` if it is set, or ``image_size`` × ``image_height``; else the images' own size if
    they are equal and both sides are 8 to 256; else a square of side 64, 48, 32, 24 or 16, the largest that is not
    above the median of the shorter sides (8 if none is).
    """
    from latentlab.config.data import LARGEST_IMAGE, SMALLEST_IMAGE

    if config.image_size is not None:
        return config.image_size, config.image_height or config.image_size
    if len(set(sizes)) == 1 and all(SMALLEST_IMAGE <= side <= LARGEST_IMAGE for side in sizes[0]):
        return sizes[0]
    shorter = sorted(min(size) for size in sizes)
    middle = (shorter[(len(shorter) - 1) // 2] + shorter[len(shorter) // 2]) / 2
    side = next((choice for choice in _CHOICES if choice <= middle), SMALLEST_IMAGE)
    return side, side


def scaled_size(size: Size, target: Size, fit: str) -> Size:
    """Size of the scaled image, before margins are added or cropped."""
    if fit == "stretch":
        return target
    ratios = target[0] / size[0], target[1] / size[1]
    ratio = max(ratios) if fit == "crop" else min(ratios)
    if fit == "crop":
        return max(target[0], round(size[0] * ratio)), max(target[1], round(size[1] * ratio))
    return min(target[0], max(1, round(size[0] * ratio))), min(target[1], max(1, round(size[1] * ratio)))


def fit_image(image: Image.Image, target: Size, options: ImageOptions) -> Image.Image:
    """Resize ``image`` (mode L or RGB) to ``target`` by ``options.fit``, with bicubic resampling."""
    if image.size == target:
        return image
    if options.fit == "crop":
        width, height = image.size
        ratio = max(target[0] / width, target[1] / height)
        across, down = (width - target[0] / ratio) / 2, (height - target[1] / ratio) / 2
        box = (max(across, 0.0), max(down, 0.0), min(width - across, width), min(height - down, height))
        return image.resize(target, _FILTER, box=box, reducing_gap=_REDUCING_GAP)
    size = scaled_size(image.size, target, options.fit)
    image = image.resize(size, _FILTER, reducing_gap=_REDUCING_GAP)
    if size == target:
        return image
    left, top = (target[0] - size[0]) // 2, (target[1] - size[1]) // 2
    border = (left, top, target[0] - size[0] - left, target[1] - size[1] - top)
    margin = options.margin if image.mode == "L" else (options.margin,) * 3
    return ImageOps.expand(image, border, fill=margin)
