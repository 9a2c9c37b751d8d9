"""Lessons: experiments that are run in the window, as data that is read from ``resources/lessons``.

A lesson is a TOML file: an idea in one or two paragraphs, steps that each say what they do and what is to be seen
after them, and claims about the figures that the steps measure. A new file is a new lesson; ``position`` places it in
the course.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from latentlab.config.base import Config
from latentlab.config.glossary import glossary
from latentlab.config.lesson_actions import Action
from latentlab.config.recipes import RECIPES
from latentlab.errors import InputError, SettingError
from latentlab.paths import resource

LARGEST_FILE = 64 << 10
"""Bytes of a lesson's file."""

Unit = Literal["", "nats", "share", "times"]
MEASURES: Mapping[str, tuple[str, Unit]] = {
    "elbo": ("ELBO of the held-out images", "nats"),
    "rate": ("Rate", "nats"),
    "distortion": ("Distortion", "nats"),
    "active-units": ("Dimensions in use", ""),
    "outside-prior": ("Images whose latent lies where the prior has hardly any samples", "share"),
    "samples-off-data": ("Samples of the prior where there are hardly any images", "share"),
    "sample-distance": ("Distance of a sample to the nearest real image", ""),
    "image-distance": ("Distance of a held-out image to the nearest other image", ""),
    "reconstruction-distance": ("Distance of an image to its reconstruction", ""),
    "grid-cells-even": ("Cells of an even grid that hold images", "share"),
    "grid-cells-quantile": ("Cells of a grid of equal probability that hold images", "share"),
    "mig": ("Mutual information gap", ""),
    "factor-vae-score": ("FactorVAE score", "share"),
    "perplexity": ("Codes in use (perplexity)", ""),
}
"""What a step can measure of the model and the open images: title, and unit; see `latentlab.evaluation.measures`."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\n]+$")]
Prose = Annotated[str, Field(min_length=1, max_length=2000)]


TERM = r"^((train|validation)\.[a-z_]+|image\.(encoder_elbo|refined_elbo|filled_error|black_error))?$"


class Figure(Config):
    """A number that a step ends with.

    Attributes
    ----------
    name
        What claims call it; unique in the lesson.
    measure, term
        Where it is from. One of `MEASURES`; or a mean over the newest epoch, such as ``validation.rate`` or
        ``train.gradient_variance_score``; or of the image of one's own ``image.encoder_elbo`` and
        ``image.refined_elbo``, before and after its refinement, or ``image.filled_error`` and ``image.black_error``:
        the root mean square difference of its hidden pixels from what they are filled with, and from black.
    label, unit
        What is written beside it; a measure has its own.
    low, high
        The range in which it was found, on the data and with the seed of the lesson.
    """

    name: Name
    measure: str = ""
    term: str = Field(
        default="",
        pattern=r"^((train|validation)\.[a-z_]+|image\.(encoder_elbo|refined_elbo|filled_error|black_error))?$",
    )
    label: Annotated[str, Field(max_length=100)] = ""
    unit: Unit = ""
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Figure:
        if bool(self.measure) == bool(self.term):
            raise SettingError(self.name, "must have either a measure or a term")
        if self.measure and self.measure not in MEASURES:
            raise SettingError(f"{self.name}.measure", f"must be one of {', '.join(MEASURES)}")
        if self.term and not self.label:
            raise SettingError(f"{self.name}.label", "must be given for a term")
        return self

    @property
    def title(self) -> str:
        """What is written beside it."""
        return self.label or MEASURES[self.measure][0]

    def formatted(self, value: float) -> str:
        """The value with its unit."""
        unit = self.unit or (MEASURES[self.measure][1] if self.measure else "")
        if unit == "share":
            return f"{100 * value:.0f} %"
        number = f"{value:.3g}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"
        number = number.replace("-", "−")
        return {"nats": f"{number} nats", "times": f"{number} ×"}.get(unit, number)

    def is_as_expected(self, value: float) -> bool:
        """Whether the value lies in the range in which it was found."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Claim(Config):
    """What the figures show: ``more`` is above ``less``, by so many ``times`` or by a ``difference``."""

    text: Line
    more: Name
    less: Name
    times: float = Field(default=1.0, ge=1.0)
    difference: float = Field(default=0.0, ge=0.0)

    def holds(self, values: Mapping[str, float]) -> bool | None:
        """Whether it is so; ``None`` while a figure is not measured."""
        if self.more not in values or self.less not in values:
            return None
        return values[self.more] >= self.times * values[self.less] + self.difference


Pictured = Literal[
    "latentMap", "generatedImages", "stripView", "trainingCurves", "decodedImage", "yourImage", "latentSliders"
]
"""Object names of the parts of the window that a picture shows."""


class Step(Config):
    """A step of a lesson.

    Attributes
    ----------
    text
        What it is about.
    button
        What the button says that does it.
    actions
        What it does in the window.
    see
        What is to be seen after it.
    picture
        A file beside the lessons that shows it, made from the window after this step by ``tools/lesson_pictures.py``;
        and ``of``, the part of the window.
    figures
        What is measured after it.
    """

    text: Prose
    button: Annotated[str, Field(min_length=1, max_length=40)]
    actions: Annotated[tuple[Action, ...], Field(min_length=1, max_length=12)]
    see: Prose
    picture: str = Field(default="", pattern=r"^([a-z0-9-]+\.png)?$")
    of: Pictured = "latentMap"
    figures: Annotated[tuple[Figure, ...], Field(max_length=8)] = ()


class Lesson(Config):
    """One idea of the field as an experiment.

    Attributes
    ----------
    name
        Of its file.
    title, idea
        The idea in a line, and in one or two paragraphs, which an empty line separates.
    position
        Its place in the course; lessons are taken in ascending order.
    minutes
        How long it takes, measured.
    recipes, terms
        Names of recipes, and keys of terms of the glossary, to read on with.
    question
        Something to try.
    """

    name: Name
    title: Line
    position: int = Field(ge=1, le=1000)
    minutes: float = Field(gt=0.0, le=3.0)
    idea: Prose
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=8)]
    claims: tuple[Claim, ...] = ()
    question: Prose
    recipes: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Lesson:
        names = [figure.name for figure in self.figures]
        for name in names:
            if names.count(name) > 1:
                raise SettingError("figures", f"must have different names, and {name} is there twice")
        for name in self.recipes:
            if name not in RECIPES:
                raise SettingError("recipes", f"has {name!r}, which is none")
        for key in self.terms:
            if key not in glossary():
                raise SettingError("terms", f"has {key!r}, which the glossary does not know")
        for claim in self.claims:
            for name in (claim.more, claim.less):
                if name not in names:
                    raise SettingError("claims", f"name a figure that no step measures: {name}")
        return self

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of all steps."""
        return tuple(figure for step in self.steps for figure in step.figures)

    def faults(self, values: Mapping[str, float]) -> list[str]:
        """What is not as the lesson says, a sentence each, of the figures that are measured."""
        found = [
            f"{figure.title} is {figure.formatted(values[figure.name])}, not {_range_text(figure)}"
            for figure in self.figures
            if figure.name in values and not figure.is_as_expected(values[figure.name])
        ]
        return found + [f"It is not so that {claim.text}" for claim in self.claims if claim.holds(values) is False]


def _range_text(figure: Figure) -> str:
    ends = [figure.formatted(end) for end in (figure.low, figure.high) if end is not None]
    if len(ends) == 2:
        return f"{ends[0]} to {ends[1]}"
    return f"at {'least' if figure.high is None else 'most'} {ends[0]}"


def read_lesson(path: Path) -> Lesson:
    """Read a lesson's file.

    Raises
    ------
    InputError
        In one sentence that names the file and what is wrong with it.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise InputError(f"is larger than {LARGEST_FILE >> 10} kB")
        return Lesson.model_validate({"name": path.stem, **tomllib.loads(content.decode("utf-8"))})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: not a lesson: {where}: {first['msg']}") from None
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{path}: not a lesson: {error}") from None


@cache
def lessons() -> tuple[Lesson, ...]:
    """The lessons that come with the program, in the order of the course.

    Raises
    ------
    InputError
        For a file that is not a lesson.
    """
    found = [read_lesson(path) for path in sorted(resource("lessons").glob("*.toml"))]
    return tuple(sorted(found, key=lambda lesson: (lesson.position, lesson.name)))


def lesson(name: str) -> Lesson:
    """The lesson of that name.

    Raises
    ------
    InputError
        When there is none of this name.
    """
    for each in lessons():
        if each.name == name:
            return each
    raise InputError(f"there is no lesson {name!r}; the lessons are: {', '.join(each.name for each in lessons())}")
