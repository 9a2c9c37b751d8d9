"""Search among images by their names, classes and columns (no Qt, no torch)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import InputError
from latentlab.utils.array_types import IntArray

CLASS = "class"
"""Name of the class in conditions, unless a column has this name."""
PATH = "path"
"""Name of the image's path in conditions, unless a column has this name."""

_AT_ONCE = 10_000  # images compared between two yields: some milliseconds
_AND = re.compile(r"\s+and\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", re.IGNORECASE)
_CONDITION = re.compile(r'\s*("[^"]*"|[^"<>=!:]+?)\s*(>=|<=|!=|=|>|<|:)\s*("[^"]*"|.*?)\s*', re.DOTALL)
_MOST_NAMED = 12
_MOST_ASKED = 1_000

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class SearchedImages:
    """What is searched: a name, a class and values for each of N images.

    Attributes
    ----------
    paths
        Names of the images; empty if they are not known.
    labels
        int64 [N], index into ``classes``; −1 where unknown.
    classes
        Names of the classes.
    columns
        Numbers or text by name, [N] each.
    """

    paths: Sequence[str]
    labels: IntArray
    classes: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)


def search_images(images: SearchedImages, text: str) -> Iterator[IntArray]:
    """Find images, some thousands at a time.

    Parameters
    ----------
    images
        What is searched.
    text
        Conditions joined by ``and``. A condition is ``COLUMN = VALUE``, with ``!=``, ``>``, ``<``, ``>=``, ``<=``, or
        ``:`` for a part of a text. Anything else is a class if there is one of this name; if not, a part of a path, a
        class or a text in any column. Of images of an array the path is the number, without the array's name. Upper
        and lower case are the same; ``"…"`` is a part of a text, whatever is in it.

    Yields
    ------
    ndarray of int64
        Indices of the images found among the next ones, ascending; may be empty.

    Raises
    ------
    InputError
        When nothing is asked for, a column does not exist, or text is compared by size.
    """
    conditions = [_condition(part, images) for part in _AND.split(text.strip()) if part.strip()]
    if not conditions:
        raise InputError("type what to search for, such as a part of a name or: class = 3")
    for start in range(0, len(images), _AT_ONCE):
        rows = slice(start, min(start + _AT_ONCE, len(images)))
        found = np.ones(rows.stop - rows.start, bool)
        for condition in conditions:
            found &= condition(rows)
        yield np.flatnonzero(found) + start


_Test = Callable[[slice], BoolArray]


def _condition(text: str, images: SearchedImages) -> _Test:
    parts = _CONDITION.fullmatch(text)
    if parts is None or (text.strip().startswith('"') and text.strip().count('"') == 2 and text.strip().endswith('"')):
        return _anything(text, images)
    name, operator, value = _unquoted(parts[1]), parts[2], _unquoted(parts[3])
    column = _column(name, images)
    if column is None:
        if operator == ":":
            return _anything(text, images)
        known = ", ".join([*images.columns, CLASS, PATH][:_MOST_NAMED])
        raise InputError(f"there is no column {name!r} (columns: {known}); to search for this text, put it in quotes")
    return _comparison(name, column, operator, value)


def _column(name: str, images: SearchedImages) -> NDArray[Any] | Callable[[slice], list[str]] | None:
    """A column by its name in any case: an array, or a function for texts that are made when needed."""
    for own, values in images.columns.items():
        if own.casefold() == name.casefold():
            return values
    if name.casefold() in (CLASS, "label") and images.classes:
        return lambda rows: _class_names(images, rows)
    if name.casefold() in (PATH, "name", "file") and len(images.paths):
        return lambda rows: list(images.paths[rows])
    return None


def _comparison(name: str, column: NDArray[Any] | Callable[[slice], list[str]], operator: str, value: str) -> _Test:
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf" and operator != ":":
        return _number_comparison(name, column, operator, value)
    wanted = value.casefold()

    def texts(rows: slice) -> list[str]:
        values = column[rows].astype(str).tolist() if isinstance(column, np.ndarray) else column(rows)
        return [text.casefold() for text in values]

    match operator:
        case "=":
            return lambda rows: np.array([text == wanted for text in texts(rows)], bool)
        case "!=":
            return lambda rows: np.array([text != wanted for text in texts(rows)], bool)
        case ":":
            return lambda rows: np.array([wanted in text for text in texts(rows)], bool)
    raise InputError(f"{name} is text, which {operator} cannot compare; use =, != or :")


def _number_comparison(name: str, column: NDArray[Any], operator: str, value: str) -> _Test:
    try:
        number = float(value)
    except ValueError:
        raise InputError(f"{name} is a column of numbers, and {value!r} is none") from None
    compare = {
        "=": np.equal,
        "!=": np.not_equal,
        ">": np.greater,
        "<": np.less,
        ">=": np.greater_equal,
        "<=": np.less_equal,
    }[operator]

    def test(rows: slice) -> BoolArray:
        values = column[rows]
        found: BoolArray = compare(values, number)
        return found & np.isfinite(values) if values.dtype.kind == "f" else found

    return test


def class_named(text: str, classes: Sequence[str]) -> int | None:
    """The class that a search for this text finds, for its name is the whole text; ``None`` if there is none.

    Examples
    --------
    >>> class_named("Cat", ("dog", "cat")), class_named("ca", ("dog", "cat"))
    (1, None)
    """
    name = text.strip().casefold()
    return next((number for number, own in enumerate(classes) if own.casefold() == name), None)


def _anything(text: str, images: SearchedImages) -> _Test:
    number = class_named(text, images.classes)
    if number is None:
        return _part_of_anything(_unquoted(text).casefold(), images)
    return lambda rows: images.labels[rows] == number


def _part_of_anything(part: str, images: SearchedImages) -> _Test:
    texts = [values for values in images.columns.values() if values.dtype.kind not in "biuf"]
    array = _array_of(images.paths)

    def test(rows: slice) -> BoolArray:
        found = np.array([part in name.casefold() for name in _class_names(images, rows)], bool)
        if len(images.paths):
            names = (path.removeprefix(array) for path in images.paths[rows])
            found |= np.array([part in name.casefold() for name in names], bool)
        for values in texts:
            found |= np.array([part in text.casefold() for text in values[rows].astype(str).tolist()], bool)
        return found

    return test


def _array_of(paths: Sequence[str]) -> str:
    """The beginning of all paths ``ARRAY#NUMBER`` if they are of one array, else ""; a thousand of them are asked."""
    if not len(paths):
        return ""
    array = paths[0].rpartition("#")[0]
    step = max(1, len(paths) // _MOST_ASKED)
    asked = (paths[number] for number in (*range(0, len(paths), step), len(paths) - 1))
    return array if all(path.startswith(f"{array}#") for path in asked) else ""


def _class_names(images: SearchedImages, rows: slice) -> list[str]:
    names = (*images.classes, "")  # the last is for label −1
    count = len(images.classes)
    return [names[label] if label < count else "" for label in images.labels[rows].tolist()]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
