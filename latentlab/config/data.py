"""How images are read and prepared: ``DataConfig``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from latentlab.config.base import Config

SMALLEST_IMAGE = 8
LARGEST_IMAGE = 256


class DataConfig(Config):
    """How a dataset's images become uint8 arrays of one size.

    Attributes
    ----------
    image_size
        Side in pixels (8 to 256) of the square that every image is fitted to. ``None`` keeps the images' own size if
        they share one in that range, and chooses one otherwise.
    channels
        ``1`` (grey), ``3`` (RGB) or ``"auto"``: grey if every image is grey.
    fit
        ``"fit"`` pads to the square, ``"crop"`` cuts out the centre, ``"stretch"`` ignores the aspect ratio.
    invert
        Swap black and white, before padding: margins keep the background.
    levels
        How values of more than 8 bits are reduced to 8: ``"full"`` maps the range of their type (0 to 65535 for
        16 bits), ``"stretch"`` each image's own minimum to maximum, for exposures that use only a part of it.
    background
        Colour of transparent pixels and of the margins of ``"fit"``. ``"auto"`` is white for transparency, as on a
        page, and black for margins.
    limit
        Maximum number of images, drawn with ``seed``; ``None`` for all.
    classes
        Keep only these class names; empty for all.
    per_class
        Maximum number of images of each class, drawn with ``seed``; ``None`` for all.
    validation
        Fraction of the images held out for validation (0 to 0.9), stratified by class if there are labels.
    seed
        Seed of the subset and of the split.
    """

    image_size: int | None = Field(default=None, ge=SMALLEST_IMAGE, le=LARGEST_IMAGE)
    channels: Literal["auto", 1, 3] = "auto"
    fit: Literal["fit", "crop", "stretch"] = "fit"
    invert: bool = False
    levels: Literal["full", "stretch"] = "full"
    background: Literal["auto", "black", "white"] = "auto"
    limit: int | None = Field(default=None, ge=1)
    classes: tuple[str, ...] = ()
    per_class: int | None = Field(default=None, ge=1)
    validation: float = Field(default=0.1, ge=0.0, le=0.9)
    seed: int = Field(default=0, ge=0, lt=2**63)

    @property
    def behind(self) -> int:
        """Grey value behind transparent pixels."""
        return 0 if self.background == "black" else 255

    @property
    def margin(self) -> int:
        """Grey value of the margins that ``fit="fit"`` adds."""
        return 255 if self.background == "white" else 0
