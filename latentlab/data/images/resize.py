"""Images of any size and aspect become one size: the policy, and the size chosen when none is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from latentlab.config.data import DataConfig

Size = tuple[int, int]  # (width, height), as Pillow has it

_FILTER = Image.Resampling.BICUBIC
# Large reductions go through a box average first, to no less than this many times the size asked for:
# Pillow calls 3 "almost indistinguishable" from resampling at once.
_REDUCING_GAP = 3.0
_CHOICES = (64, 48, 32, 24, 16)


class ImageOptions(Protocol):
    """What of a ``DataConfig`` says how an image is made ready: a process that only decodes has no more of it."""

    @property
    def channels(self) -> Literal["auto", 1, 3]:
        """Grey, RGB, or as the image is."""

    @property
    def fit(self) -> Literal["fit", "crop", "stretch"]:
        """How an image of another aspect becomes the size asked for."""

    @property
    def invert(self) -> bool:
        """Whether black and white change places."""

    @property
    def levels(self) -> Literal["full", "stretch"]:
        """How values deeper than 8 bits become 8."""

    @property
    def behind(self) -> int:
        """Grey value behind transparent pixels."""

    @property
    def margin(self) -> int:
        """Grey value of margins."""


def target_size(sizes: Sequence[Size], config: DataConfig) -> Size:
    """Size that images of ``sizes`` are given.

    ``image_size`` squared when it is set; else the images' own where they agree and both sides lie within 8 to 256;
    else a square, the largest of 64, 48, 32, 24, 16 that is not above the median of the shorter sides (8 below that).
    """
    from latentlab.config.data import LARGEST_IMAGE, SMALLEST_IMAGE

    if config.image_size is not None:
        return config.image_size, config.image_size
    if len(set(sizes)) == 1 and all(SMALLEST_IMAGE <= side <= LARGEST_IMAGE for side in sizes[0]):
        return sizes[0]
    shorter = sorted(min(size) for size in sizes)
    middle = (shorter[(len(shorter) - 1) // 2] + shorter[len(shorter) // 2]) / 2
    side = next((choice for choice in _CHOICES if choice <= middle), SMALLEST_IMAGE)
    return side, side


def scaled_size(size: Size, target: Size, how: str) -> Size:
    """Size an image is scaled to, before margins are added or cut off."""
    if how == "stretch":
        return target
    ratios = target[0] / size[0], target[1] / size[1]
    ratio = max(ratios) if how == "crop" else min(ratios)
    if how == "crop":
        return max(target[0], round(size[0] * ratio)), max(target[1], round(size[1] * ratio))
    return min(target[0], max(1, round(size[0] * ratio))), min(target[1], max(1, round(size[1] * ratio)))


def fit_image(image: Image.Image, target: Size, options: ImageOptions) -> Image.Image:
    """Make ``image`` (mode L or RGB) the size ``target`` by ``options.fit``, resampled bicubically."""
    if image.size == target:
        return image
    if options.fit == "crop":
        width, height = image.size
        ratio = max(target[0] / width, target[1] / height)
        across, down = (width - target[0] / ratio) / 2, (height - target[1] / ratio) / 2
        box = (max(across, 0.0), max(down, 0.0), min(width - across, width), min(height - down, height))
        return image.resize(target, _FILTER, box=box, reducing_gap=_REDUCING_GAP)
    drawn = scaled_size(image.size, target, options.fit)
    image = image.resize(drawn, _FILTER, reducing_gap=_REDUCING_GAP)
    if drawn == target:
        return image
    left, top = (target[0] - drawn[0]) // 2, (target[1] - drawn[1]) // 2
    border = (left, top, target[0] - drawn[0] - left, target[1] - drawn[1] - top)
    margin = options.margin if image.mode == "L" else (options.margin,) * 3
    return ImageOps.expand(image, border, fill=margin)
