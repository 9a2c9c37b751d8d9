"""What files may claim: types of fields, limits, and rules of arrays, used by every loader of this package.

A loader checks a whole file here before anything of it is used; behind it the program trusts what it was given. A fault
is reported as a `FileContentError`; the loader puts the name of the file before it.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, TypeAlias, TypeVar

from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from latentlab.errors import InputError
from latentlab.utils.array_rules import LARGEST_COORDINATE, PICTURE, ArrayRule, Extent, extent_fault, first_fault
from latentlab.utils.memory import available_bytes, format_bytes

MAX_CLASSES = 100_000
MAX_TENSORS = 20_000
LARGEST_COUNT = 2**53
LARGEST_WEIGHT = 1e15
"""Adam moves a weight by at most the learning rate in a step, which is at most 10."""

LARGEST_METRIC = 1e30
_MAX_TENSOR_NAME = 300
_MAX_DIMENSIONS = 8
_MAX_ELEMENTS = 2**48
_MAX_DEPTH = 6
_SHOWN = 80  # characters of a name in an error
_LONGEST_MESSAGE = 600  # characters of what is wrong with a field, which may quote its value


class FileContentError(ValueError):
    """What is wrong with the content of a file, as the end of a sentence."""


# --- files ------------------------------------------------------------------------------------------------------------


@contextmanager
def opened_regular(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file for reading: a pipe would be waited for, and a device never ends.

    Yields
    ------
    file, size
        The file, and its number of bytes.

    Raises
    ------
    InputError
        When there is no such file, or it cannot be read.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - its errors are not those of the block
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:  # a ValueError for a path with a zero byte
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"cannot read {path}: it is not a regular file")
        try:
            yield file, status.st_size
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from None


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def read_bounded(path: Path, most: int, what: str) -> bytes:
    """Read a whole file of at most ``most`` bytes.

    Raises
    ------
    InputError
        When it is larger (``what`` names its kind), or cannot be read.
    """
    with opened_regular(path) as (file, size):
        data = b"" if size > most else file.read(most + 1)
        if max(size, len(data)) > most:
            raise InputError(f"{path}: {format_bytes(size)} are too many for {what} (at most {format_bytes(most)})")
        return data


def require_memory(path: Path, needed: int) -> None:
    """Refuse a file that needs more memory than is available.

    Raises
    ------
    InputError
        With both amounts.
    """
    available = available_bytes()
    if needed > available:
        raise InputError(
            f"{path} needs {format_bytes(needed)} of memory to be read, and {format_bytes(available)} are available"
        )


# --- arrays -----------------------------------------------------------------------------------------------------------

WEIGHT = ArrayRule(("f", "i", "u", "b"), least=-LARGEST_WEIGHT, most=LARGEST_WEIGHT)
MEAN = ArrayRule(("f",), (("N", "d"),), -LARGEST_COORDINATE, LARGEST_COORDINATE)
STD = ArrayRule(("f",), (("N", "d"),), 0.0, LARGEST_COORDINATE)
INDEX = ArrayRule(("i", "u"), (("N",),), 0, 2**31 - 1)


def label_rule(classes: int) -> ArrayRule:
    """Labels of N points: −1 where unknown."""
    return ArrayRule(("i", "u"), (("N",),), -1, classes - 1)


def image_rule(*count: int | str | range) -> ArrayRule:
    """A number of pictures of one size, grey or RGB."""
    return ArrayRule(PICTURE.kinds, tuple((*count, *shape) for shape in PICTURE.shapes))


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], rules: Mapping[str, ArrayRule], sizes: Mapping[str, int] | None = None
) -> None:
    """Check named arrays.

    Parameters
    ----------
    arrays, rules, sizes
        As in `first_fault`.

    Raises
    ------
    FileContentError
        Naming the first array that does not follow its rule.
    """
    if (fault := first_fault(arrays, rules, sizes)) is not None:
        raise FileContentError(f"tensor {fault}")


def check_tensors(tensors: Iterable[tuple[str, tuple[int, ...]]]) -> None:
    """Check names and shapes of a file's tensors, before they are read.

    Raises
    ------
    FileContentError
        For too many tensors, a long name, or a shape beyond any use.
    """
    for number, (name, shape) in enumerate(tensors, 1):
        if number > MAX_TENSORS:
            raise FileContentError(f"it has more than {MAX_TENSORS:,} tensors")
        if len(name) > _MAX_TENSOR_NAME:
            raise FileContentError(f"the name of tensor {shortened(name)} has {len(name):,} characters")
        if len(shape) > _MAX_DIMENSIONS or math.prod(max(size, 1) for size in shape) > _MAX_ELEMENTS:
            raise FileContentError(f"tensor {shortened(name)} has an impossible shape")


# --- JSON -------------------------------------------------------------------------------------------------------------

M = TypeVar("M", bound=BaseModel)


def json_object(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    FileContentError
        For anything else.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise FileContentError("its description is not readable") from None
    if not isinstance(values, dict):
        raise FileContentError("its description is not readable")
    return values


def described(kind: type[M], values: Any) -> M:
    """Build a description from plain values.

    Raises
    ------
    FileContentError
        Naming the first field that is refused.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(shortened(part) if isinstance(part, str) else str(part) for part in first["loc"])
        message = shortened(first["msg"].removeprefix("Value error, "), _LONGEST_MESSAGE)
        raise FileContentError(f"{where}: {message}" if where else message) from None
    except InputError as error:  # settings that exclude each other
        raise FileContentError(str(error)) from None
    except RecursionError:
        raise FileContentError("its description is nested too deeply") from None


def shortened(text: str, most: int = _SHOWN) -> str:
    """A text from a file as part of an error: without control characters, and cut."""
    text = text[: most + 1]
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


class Claim(BaseModel):
    """Base of descriptions that only files contain: no conversion between types, and no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _checked_extent(extent: Extent) -> Extent:
    if (fault := extent_fault(extent)) is not None:
        raise ValueError(fault)
    return extent


def _plain(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Check values whose meaning is not known here: JSON of a limited depth, with finite numbers."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ValueError(f"a text has {len(value):,} characters, more than {LONGEST_TEXT:,}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("a number is too large")
    elif isinstance(value, dict | list | tuple):
        if depth == 0:
            raise ValueError("it is nested too deeply")
        for item in value:
            _plain(item, depth - 1)
            if isinstance(value, dict):
                _plain(value[item], depth - 1)
    return value


def _finite_only(values: Any) -> Any:
    """Leave out means that are not finite or beyond any meaning: a curve has a gap there."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in values.items() if not isinstance(value, float) or _is_plottable(value)}


def _is_plottable(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= LARGEST_METRIC


def any_text(most: int) -> PlainValidator:
    """A text of at most ``most`` characters; unlike pydantic's, with the bytes of file names that are not UTF-8."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("it is not a text")
        if len(value) > most:
            raise ValueError(f"it has {len(value):,} characters, more than {most:,}")
        return value

    return PlainValidator(check)


LONGEST_TEXT = 4096
LONGEST_SOURCE = 1 << 20  # characters: thousands of files may be one dataset
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
"""A path, or any other text."""
Source = Annotated[str, any_text(LONGEST_SOURCE)]
"""What a dataset is opened by: one path, or many."""
Name = Annotated[str, Field(max_length=1000)]
"""Of a class, a metric, a dataset."""
Names = Annotated[tuple[Name, ...], Field(max_length=MAX_CLASSES, fail_fast=True)]
SchemaVersion = Annotated[int, Field(strict=True, ge=1, le=2**31)]
Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST_COUNT)]
Epochs = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Metric = Annotated[float, Field(ge=-LARGEST_METRIC, le=LARGEST_METRIC)]
Metrics = Annotated[dict[Name, Metric], Field(max_length=1000)]
Seconds = Annotated[float, Field(ge=0.0, le=1e12)]
Coordinate = Annotated[float, Field(ge=-LARGEST_COORDINATE, le=LARGEST_COORDINATE)]
PictureExtent = Annotated[tuple[float, float, float, float], AfterValidator(_checked_extent)]
Means = Annotated[dict[Name, Metric], Field(max_length=1000), BeforeValidator(_finite_only)]
KLs = Annotated[list[Metric], Field(max_length=2**20, fail_fast=True)]


def _rising(limits: list[float]) -> list[float]:
    if not limits[0] < limits[1]:
        raise ValueError("a value range must be two rising numbers")
    return limits


ValueLimits = Annotated[list[Metric], Field(min_length=2, max_length=2), AfterValidator(_rising)]
"""The values that are black and white."""


class _DataRecord(BaseModel):
    """What is recorded of a model's data; further fields are plain values."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    name: Text = ""
    source: Source = ""
    fingerprint: Name = ""
    images: Count = 0
    config: dict[str, Any] = Field(default_factory=dict)
    ranges: dict[Literal["eight", "whole", "real"], ValueLimits] = Field(default_factory=dict)


class _TrainingRecord(BaseModel):
    """What is recorded of a model's training; further fields are plain values."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    epoch: Epochs = 0
    step: Count = 0
    binarise: Literal["none", "static", "dynamic"] = "none"


def _follows(kind: type[BaseModel]) -> AfterValidator:
    def check(values: dict[str, Any]) -> dict[str, Any]:
        _plain({name: value for name, value in values.items() if name != "source"})  # which may be longer
        try:
            described(kind, values)
        except FileContentError as fault:
            raise ValueError(str(fault)) from None
        return values

    return AfterValidator(check)


DataRecord: TypeAlias = Annotated[dict[str, Any], _follows(_DataRecord)]
TrainingRecord: TypeAlias = Annotated[dict[str, Any], _follows(_TrainingRecord)]


# --- the lines of a run's metrics -------------------------------------------------------------------------------------


class _MetricsLine(BaseModel):
    """What the lines have in common; unknown fields, as of a newer version, are left out."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    step: Count = 0
    epochs: Epochs | None = None


class _EpochLine(_MetricsLine):
    event: Literal["epoch"]
    epoch: Epochs = 0
    train: Means = Field(default_factory=dict)
    validation: Means | None = None
    images_per_second: Seconds = 0.0
    seconds: Seconds = 0.0
    kl_per_dimension: KLs | None = None


class _AdjustedLine(_MetricsLine):
    event: Literal["adjusted"]
    epoch: Annotated[float, Field(ge=0.0, le=1_000_000)] = 0.0
    learning_rate: Metric | None = None
    beta: Metric | None = None
    schedule: Literal["constant", "cosine"] | None = None
    patience: Epochs | None = None


_LINES: dict[Any, type[_MetricsLine]] = {"epoch": _EpochLine, "adjusted": _AdjustedLine}


def metrics_line(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """A line of a run's metrics with the fields that are known and valid; ``None`` for a line to be left out."""
    event = values.get("event")
    kind = _LINES.get(event) if isinstance(event, str) else None
    if kind is None:
        return None
    try:
        return kind.model_validate(values).model_dump(exclude_unset=True)
    except ValidationError:
        return None
