"""What a step of a lesson does in the window: the small vocabulary of `latentlab.config.lessons`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from latentlab.config.base import Config
from latentlab.config.data import DataConfig
from latentlab.config.recipes import RECIPES, recipe
from latentlab.config.run import RunConfig, with_settings
from latentlab.errors import InputError, SettingError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Panel = Literal[
    "data", "model", "training", "selection", "image", "curves", "runs", "board", "decoded", "sliders", "filmstrip",
    "generate", "play", "lessons",
]  # fmt: skip
"""Names of the panels that a lesson can show."""


class OpenData(Config):
    """Open images that are there on every machine; the step continues once they are encoded, if they fit the model."""

    do: Literal["open-data"]
    source: str = Field(pattern=r"^demo:[a-z]+$")
    image_size: int | None = Field(default=None, ge=8, le=256)
    limit: int | None = Field(default=None, ge=1, le=20_000)

    def config(self) -> DataConfig:
        """How the images are read."""
        return DataConfig(image_size=self.image_size, limit=self.limit)


class OpenModel(Config):
    """Open a model that comes with the program."""

    do: Literal["open-model"]
    source: str = Field(pattern=r"^bundled:[a-z0-9-]+$")


class TrainModel(Config):
    """Set recipe and settings in the Training panel, train, and wait for the end, or for an epoch of a longer run."""

    do: Literal["train"]
    recipe: str
    epochs: int = Field(ge=1, le=1000)
    seed: int = Field(default=0, ge=0, lt=2**31)
    until: int | None = Field(default=None, ge=1, description="The epoch after which the step goes on; the run does.")
    settings: dict[str, Any] = Field(default={}, description="Further settings by their dotted names.")

    @model_validator(mode="after")
    def _check(self) -> TrainModel:
        if self.recipe not in RECIPES:
            raise SettingError("recipe", f"must be a recipe, not {self.recipe!r}")
        if self.until is not None and self.until >= self.epochs:
            raise SettingError("until", "must be less than epochs")
        try:
            self.config()
        except InputError as error:
            raise SettingError("settings", str(error)) from None
        return self

    def config(self) -> RunConfig:
        """The settings of the run."""
        start = RunConfig(model=recipe(self.recipe).config())
        words = [f"training.epochs={self.epochs}", f"training.seed={self.seed}", "training.device=cpu"]
        return with_settings(start, [*words, *(f"{name}={json.dumps(value)}" for name, value in self.settings.items())])


class Adjust(Config):
    """Set β of the active run, and wait for some of its epochs."""

    do: Literal["adjust"]
    beta: float = Field(ge=0.0, le=1000.0)
    epochs: int = Field(ge=1, le=100)


class Stop(Config):
    """Stop the lesson's run, which keeps its best model."""

    do: Literal["stop"]


class Move(Config):
    """Go to a latent: these numbers for its first dimensions, 0 for the others."""

    do: Literal["move"]
    latent: tuple[Annotated[float, Field(ge=-100, le=100)], ...]


class SwitchLayer(Config):
    """Show or hide a layer of the map."""

    do: Literal["layer"]
    name: str = Field(pattern=r"^[a-z-]+$")
    visible: bool = True


class Axes(Config):
    """Choose what the map's axes show."""

    do: Literal["axes"]
    x: str = Field(pattern=r"^(z|pc)[1-9]\d?$")
    y: str = Field(pattern=r"^(z|pc)[1-9]\d?$")


class ColourBy(Config):
    """Colour the points by a column of the data; empty for their class."""

    do: Literal["colour-by"]
    column: str = ""


class Show(Config):
    """Bring a panel to the front; of the filmstrip a strip, of the curves only these terms."""

    do: Literal["show"]
    panel: Panel
    strip: Literal["", "traverse", "interpolate", "reconstruct", "sample", "visited"] = ""
    terms: tuple[str, ...] = ()


class View(Config):
    """Show the centre of the prior on the map, or all points."""

    do: Literal["view"]
    of: Literal["prior", "points"]


class GenerateImages(Config):
    """Draw images in the Generate panel."""

    do: Literal["generate"]
    source: Literal["prior", "aggregate"] = "prior"
    count: int = Field(default=24, ge=1, le=100)
    seed: int = Field(default=0, ge=0, lt=2**31)


class OpenImage(Config):
    """Open an image that lies beside the lessons, as an image of one's own."""

    do: Literal["open-image"]
    file: str = Field(pattern=r"^[a-z0-9-]+\.png$")


class Hide(Config):
    """Hide a rectangle of the image, in fractions of its sides, and wait until it is filled in."""

    do: Literal["hide"]
    left: Fraction = 0.0
    top: Fraction = 0.0
    right: Fraction = 1.0
    bottom: Fraction = 1.0

    @model_validator(mode="after")
    def _check(self) -> Hide:
        if not (self.left < self.right and self.top < self.bottom):
            raise SettingError("right", "must be more than left, and bottom more than top")
        return self


class Refine(Config):
    """Refine the posterior of the image by gradient steps, and wait for the end."""

    do: Literal["refine"]


class PaintCodes(Config):
    """Paint a rectangle of cells of the grid of codes with the code of one of its cells."""

    do: Literal["paint-codes"]
    source: tuple[Annotated[int, Field(ge=0, le=63)], Annotated[int, Field(ge=0, le=63)]]
    rows: tuple[Annotated[int, Field(ge=0, le=63)], Annotated[int, Field(ge=0, le=64)]]
    columns: tuple[Annotated[int, Field(ge=0, le=63)], Annotated[int, Field(ge=0, le=64)]]


Action = Annotated[
    OpenData
    | OpenModel
    | TrainModel
    | Adjust
    | Stop
    | Move
    | SwitchLayer
    | Axes
    | ColourBy
    | Show
    | View
    | GenerateImages
    | OpenImage
    | Hide
    | Refine
    | PaintCodes,
    Field(discriminator="do"),
]
"""One thing that a step does."""
