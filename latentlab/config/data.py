"""How images are read and prepared: ``DataConfig``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from latentlab.config.base import Config

SMALLEST_IMAGE = 8
LARGEST_IMAGE = 256
MOST_IMAGES = 2**31 - 1


class DataConfig(Config):
    """How a dataset's images become uint8 arrays of one size."""

    image_size: int | None = Field(
        default=None,
        ge=SMALLEST_IMAGE,
        le=LARGEST_IMAGE,
        description="Side in pixels (8 to 256) of the square that every image is fitted to. ``None`` keeps the "
        "images' own size if they share one in that range, and chooses one otherwise.",
    )
    channels: Literal["auto", 1, 3] = Field(
        default="auto", description='``1`` (grey), ``3`` (RGB) or ``"auto"``: grey if every image is grey.'
    )
    fit: Literal["fit", "crop", "stretch"] = Field(
        default="fit",
        description='``"fit"`` pads to the square, ``"crop"`` cuts out the centre, ``"stretch"`` ignores the aspect '
        "ratio.",
    )
    invert: bool = Field(
        default=False, description="Swap black and white, before padding: margins keep the background."
    )
    levels: Literal["full", "stretch"] = Field(
        default="full",
        description='How values of more than 8 bits are reduced to 8: ``"full"`` maps the range of their type (0 to '
        '65535 for 16 bits), ``"stretch"`` each image\'s own minimum to maximum, for exposures that use only a part '
        "of it.",
    )
    background: Literal["auto", "black", "white"] = Field(
        default="auto",
        description='Colour of transparent pixels and of the margins of ``"fit"``. ``"auto"`` is white for '
        "transparency, as on a page, and black for margins.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        le=MOST_IMAGES,
        description="Maximum number of images, drawn with ``seed``; ``None`` for all.",
    )
    classes: tuple[str, ...] = Field(default=(), description="Keep only these class names; empty for all.")
    per_class: int | None = Field(
        default=None,
        ge=1,
        le=MOST_IMAGES,
        description="Maximum number of images of each class, drawn with ``seed``; ``None`` for all.",
    )
    split: Literal["data", "random"] = Field(
        default="data",
        description='``"data"`` keeps the data\'s own splits (folders, columns or arrays named train, validation, '
        'test, unlabeled) where there are some, ``"random"`` holds out ``validation`` of all images.',
    )
    validation: float = Field(
        default=0.1,
        ge=0.0,
        le=0.9,
        description="Fraction of the images held out for validation (0 to 0.9), stratified by class if there are "
        'labels. Given without ``split``, it stands for ``split="random"``.',
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the subset and of the split.")

    @model_validator(mode="before")
    @classmethod
    def _random_split_for_a_fraction(cls, values: Any) -> Any:
        # Also in configurations stored before there was ``split``: their runs must be resumed with the same images.
        if isinstance(values, dict) and "validation" in values and "split" not in values:
            return {**values, "split": "random"}
        return values

    @property
    def behind(self) -> int:
        """Grey value behind transparent pixels."""
        return 0 if self.background == "black" else 255

    @property
    def margin(self) -> int:
        """Grey value of the margins that ``fit="fit"`` adds."""
        return 255 if self.background == "white" else 0
