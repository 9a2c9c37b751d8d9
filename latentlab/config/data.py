"""How images are read and prepared: ``DataConfig``."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from latentlab.config.base import Config
from latentlab.errors import SettingError

SMALLEST_IMAGE = 8
LARGEST_IMAGE = 256
MOST_IMAGES = 2**31 - 1


LEVELS = ("auto", "type", "window", "full")
_EVERY = re.compile(r"(?:every )?([1-9]\d{0,8})")


def _levels(value: Any) -> str:
    """One of ``LEVELS``, or a window as two numbers, ``"a,b"``."""
    value = {"stretch": "window"}.get(value, value) if isinstance(value, str) else value
    if isinstance(value, str) and value in LEVELS:
        return value
    try:
        ends = [float(part) for part in (value.split(",") if isinstance(value, str) else value)]
    except (TypeError, ValueError):
        ends = []
    if len(ends) != 2 or not all(map(math.isfinite, ends)) or not ends[0] < ends[1]:
        raise PydanticCustomError("levels", "must be auto, type, window, or two rising numbers such as 0,4095")
    return ",".join(f"{end:.15g}" for end in ends)


def _frames(value: Any) -> str:
    """``"all"``, ``"first"`` or ``"every N"``."""
    if value in ("all", "first"):
        return str(value)
    step = _EVERY.fullmatch(str(value))
    if step is None or isinstance(value, bool):
        raise PydanticCustomError("frames", "must be all, first, or every N")
    return "all" if step[1] == "1" else f"every {step[1]}"


class DataConfig(Config):
    """How a dataset's images become uint8 arrays of one size."""

    image_size: int | None = Field(
        default=None,
        ge=SMALLEST_IMAGE,
        le=LARGEST_IMAGE,
        description="Side in pixels (8 to 256) of the square that every image is fitted to. ``None`` keeps the "
        "images' own size if they share one in that range, and chooses one otherwise.",
    )
    image_height: int | None = Field(
        default=None,
        ge=SMALLEST_IMAGE,
        le=LARGEST_IMAGE,
        description="Height in pixels if images are not fitted to a square; ``image_size`` is then the width.",
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
    levels: Annotated[str, BeforeValidator(_levels)] = Field(
        default="auto",
        description='Which values are shown black and white, one decision for the whole dataset. ``"auto"``: the range '
        'that the values fit, such as 0 to 255 or 0 to 1; ``"type"``: the range of their type; ``"window"``: their own '
        'minimum to maximum; ``"a,b"``: from a to b. ``"full"`` is the rule of version 0.1, which its models keep.',
    )
    frames: Annotated[str, BeforeValidator(_frames)] = Field(
        default="all",
        description='Which frames of a stack or an animation are images: ``"all"``, ``"first"`` or ``"every N"``.',
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

    @model_validator(mode="before")
    @classmethod
    def _first_frames_as_before(cls, values: Any) -> Any:
        # Configurations stored before there was ``frames`` have a rule of levels that is no longer the default.
        if isinstance(values, dict) and values.get("levels") in ("full", "stretch") and "frames" not in values:
            return {**values, "frames": "first"}
        return values

    @model_validator(mode="after")
    def _height_with_width(self) -> DataConfig:
        if self.image_height is not None and self.image_size is None:
            raise SettingError("data.image_height", "needs image_size, the width in pixels")
        return self

    @property
    def frame_step(self) -> int | None:
        """One of so many frames is an image; ``None`` for the first only."""
        if self.frames == "first":
            return None
        return 1 if self.frames == "all" else int(self.frames.removeprefix("every "))

    @property
    def behind(self) -> int:
        """Grey value behind transparent pixels."""
        return 0 if self.background == "black" else 255

    @property
    def margin(self) -> int:
        """Grey value of the margins that ``fit="fit"`` adds."""
        return 255 if self.background == "white" else 0
