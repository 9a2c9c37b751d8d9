"""What the values of a column mean: classes, values to colour by, or several labels an image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.class_folders import natural_sort_key
from latentlab.data.sources.table_file import LIST_SEPARATOR
from latentlab.data.types import UNKNOWN, Labels, LeftOut
from latentlab.utils.text import pluralize

MAX_CLASSES = 1000
MAX_COLUMNS = 256
_FEW = 12  # distinct numbers that are not whole may be classes up to here
_SOME = 20  # distinct whole numbers are classes up to here, even if there are as many as images
_MISSING = ("", "nan", "null")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan", re.IGNORECASE)
ZERO_PADDED = re.compile(r"[+-]?0\d")
_DATE = re.compile(
    r"(\d{4})[-/:](\d\d)[-/:](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?\s*(Z|[+-]\d\d:?\d\d)?"
)


@dataclass
class Meaning:
    """What a column of labels says.

    Attributes
    ----------
    labels
        int64 [N] into ``classes``, -1 unknown; ``None`` when the values are not classes.
    classes
        Names in natural order.
    columns
        Values to colour by, [N] each.
    left_out
        Columns that are not used.
    note
        A sentence for the user when the values are not simply classes.
    """

    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    note: str = ""


def meaning_of_texts(name: str, distinct: Sequence[str], codes: NDArray[Any]) -> Meaning:
    """Interpret a column of labels as text.

    Parameters
    ----------
    name
        Of the column.
    distinct
        The distinct texts.
    codes
        int [N], index into ``distinct``, -1 where there is no text.
    """
    kept = {number: text for number, text in enumerate(distinct) if text.lower() not in _MISSING}
    numbers = None if any(ZERO_PADDED.match(text) for text in kept.values()) else as_numbers(list(kept.values()))
    if numbers is not None:
        values = np.full(len(distinct) + 1, np.nan)  # the last entry is for -1
        values[list(kept)] = numbers
        return meaning_of_numbers(name, values[codes])
    if any(LIST_SEPARATOR in text or _is_list(text) for text in kept.values()):
        return _several(name, distinct, kept, codes)
    if len(kept) > MAX_CLASSES:
        texts = np.array([*(kept.get(number, "") for number in range(len(distinct))), ""])
        return Meaning(columns={name: texts[codes]}, note=_not_classes(name, len(kept), "texts"))
    classes = tuple(sorted(set(kept.values()), key=lambda text: (natural_sort_key(text), text)))
    position = {text: number for number, text in enumerate(classes)}
    table = np.full(len(distinct) + 1, UNKNOWN, dtype=np.int64)
    for number, text in kept.items():
        table[number] = position[text]
    return Meaning(table[codes], classes)


def meaning_of_numbers(name: str, values: NDArray[Any]) -> Meaning:
    """Interpret a column of numbers, [N]; NaN is unknown, and so is -1 when all others are classes from 0.

    Whole numbers are classes, unless there are more than 1,000, or more than 20 and fewer than two images for each.
    Other numbers are values to colour by, unless there are no more than 12 and two images for each.
    """
    values = np.asarray(values)
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)
    distinct = np.unique(values[known])
    if values.dtype.kind in "if" and len(distinct) > 1 and distinct[0] == UNKNOWN and (distinct[1:] >= 0).all():
        known &= values != UNKNOWN
        distinct = distinct[1:]
    are_whole = bool(np.isfinite(distinct).all()) and bool((distinct == np.floor(distinct)).all())
    if values.dtype.kind == "b":
        names = tuple(str(value) for value in distinct)
    elif are_whole:
        names = tuple(str(int(value)) for value in distinct)
    else:
        names = tuple(f"{value:g}" for value in distinct)
    are_shared = 2 * len(distinct) <= int(known.sum())
    few_enough = len(distinct) <= (MAX_CLASSES if are_whole else _FEW)
    are_classes = few_enough and (are_shared or (are_whole and len(distinct) <= _SOME))
    if not are_classes or len(set(names)) < len(names):
        kind = "whole numbers" if are_whole else "numbers"
        columns = {name: np.where(known, values, np.nan).astype(np.float64)}
        return Meaning(columns=columns, note=_not_classes(name, len(distinct), kind))
    labels = np.full(len(values), UNKNOWN, dtype=np.int64)
    labels[known] = np.searchsorted(distinct, values[known])
    return Meaning(labels, names)


def meaning_of_matrix(name: str, values: NDArray[Any], names: Sequence[str] = ()) -> Meaning:
    """Interpret an array of labels [N, K]: one-hot rows as classes, others as columns.

    Parameters
    ----------
    name
        Of the array.
    values
        Numbers or booleans.
    names
        K names of the classes; numbered if not given.
    """
    count = values.shape[1]
    names = tuple(names) if len(names) == count and len(set(names)) == count else tuple(map(str, range(count)))
    if count > 1 and np.isin(values, (0, 1)).all():
        per_row = values.sum(1)
        if (per_row <= 1).all() and (per_row == 1).any():
            labels = np.where(per_row == 1, values.argmax(1), UNKNOWN).astype(np.int64)
            return Meaning(labels, names)
    if count > MAX_COLUMNS:
        return Meaning(left_out=[LeftOut(name, f"{count} values an image, more than {MAX_COLUMNS}", "array")])
    return Meaning(
        columns={f"{name}: {each}": values[:, number].astype(np.float64) for number, each in enumerate(names)},
        note=f"{name} has {count} values an image: each is a column to colour by",
    )


def column_of_texts(distinct: Sequence[str], codes: NDArray[Any], comma_is_point: bool = False) -> NDArray[Any]:
    """A further column: float64 (NaN where missing) if all texts are numbers or dates, else text.

    Dates become years with a fraction: 2 July 2021, noon, is 2021.5. Numbers with leading zeros stay text.
    """
    kept = [text for text in distinct if text.lower() not in _MISSING]
    texts = [text.replace(",", ".") for text in kept] if comma_is_point else kept
    numbers = None if any(ZERO_PADDED.match(text) for text in texts) else as_numbers(texts)
    if numbers is None and kept:
        numbers = _as_years(kept)
    table: NDArray[Any] = np.array([*distinct, ""], dtype=np.str_)  # the last entry is for -1
    if numbers is not None:
        table = np.full(len(distinct) + 1, np.nan)
        table[[number for number, text in enumerate(distinct) if text.lower() not in _MISSING]] = numbers
    column: NDArray[Any] = table[codes]
    return column


def as_numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Texts as float64; ``None`` if one of them is not a number."""
    if not all(_NUMBER.fullmatch(text) for text in texts):
        return None
    return np.array([float(text) for text in texts], dtype=np.float64)


def text_array(values: NDArray[Any]) -> NDArray[np.str_]:
    r"""Bytes or text as text; bytes that are not UTF-8 are written as ``\\xNN``."""
    if values.dtype.kind == "S":
        texts = [value.decode("utf-8", "backslashreplace") for value in values.reshape(-1).tolist()]
        return np.array(texts, dtype=np.str_)
    return values.astype(np.str_).reshape(-1)


def _several(name: str, distinct: Sequence[str], kept: dict[int, str], codes: NDArray[Any]) -> Meaning:
    """Several labels an image: a column of 0 and 1 for each label, NaN where nothing is said."""
    parts = {number: _items(text) for number, text in kept.items()}
    labels = sorted({item for items in parts.values() for item in items}, key=natural_sort_key)
    if len(labels) > MAX_COLUMNS:
        reason = f"several labels an image of {len(labels)} in all, more than {MAX_COLUMNS}"
        return Meaning(left_out=[LeftOut(name, reason, "column")])
    columns = {}
    for label in labels:
        table = np.full(len(distinct) + 1, np.nan)
        for number, items in parts.items():
            table[number] = label in items
        columns[f"{name}: {label}"] = table[codes]
    return Meaning(
        columns=columns,
        note=f"{name} has several labels an image: {pluralize(len(labels), 'column')} to colour by, and no classes",
    )


def _is_list(text: str) -> bool:
    return text.startswith("[") and text.endswith("]")


def _items(text: str) -> frozenset[str]:
    """The labels in a cell such as ``cat|dog`` or ``['cat', 'dog']``."""
    inner, separator = (text[1:-1], ",") if _is_list(text) else (text, LIST_SEPARATOR)
    items = (item.strip().strip("'\"") for item in inner.split(separator))
    return frozenset(item for item in items if item)


def _as_years(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Dates as years with a fraction; ``None`` if one of the texts is not a date."""
    years = []
    for text in texts:
        found = _DATE.fullmatch(text)
        if found is None:
            return None
        year, month, day, hour, minute, second, zone = found.groups()
        try:
            moment = np.datetime64(f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}", "ns")
        except ValueError:
            return None
        if zone and zone != "Z":
            sign, hours, minutes = zone[0], int(zone[1:3]), int(zone[-2:])
            offset = np.timedelta64(60 * hours + minutes, "m")
            moment = moment - offset if sign == "+" else moment + offset
        start = moment.astype("datetime64[Y]")
        length = (start + 1).astype("datetime64[ns]") - start.astype("datetime64[ns]")
        years.append(float(start.astype(int) + 1970 + (moment - start.astype("datetime64[ns]")) / length))
    return np.array(years, dtype=np.float64)


def _not_classes(name: str, distinct: int, kind: str) -> str:
    return f"{name} has {distinct:,} distinct {kind}: a column to colour by, and not a class each"
