"""How images are read and made ready: ``DataConfig``."""

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
        Side in pixels (8 to 256) of the square every image is made to fit. ``None`` keeps the
        images' own size where they all agree and lies in that range, else chooses one.
    channels
        ``1`` (grey), ``3`` (RGB) or ``"auto"``: grey when every image is grey.
    fit
        ``"fit"`` pads to the square, ``"crop"`` cuts the centre, ``"stretch"`` ignores the aspect.
    invert
        Swap black and white (before padding: margins stay the background).
    levels
        How values deeper than 8 bits become 8: ``"full"`` maps the range of their type (0 to 65535 for 16 bits),
        ``"stretch"`` each image's own minimum to maximum, for exposures that use a part of it.
    background
        What shows through transparent pixels and in the margins of ``"fit"``. ``"auto"`` is white behind
        transparency, as on a page, and black in margins.
    limit
        Use at most so many images, drawn with ``seed``; ``None`` for all.
    classes
        Keep only these class names; empty for all.
    per_class
        At most so many images of each class, drawn with ``seed``; ``None`` for all.
    validation
        Share of the images held out for validation (0 to 0.9), stratified where labels exist.
    seed
        Of the subset and of the split.
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
