"""Columns from values that were read one by one, and which of the columns is the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.values import Meaning, meaning_of_numbers, meaning_of_texts
from latentlab.data.types import UNKNOWN

Column = NDArray[Any]

LABEL_NAMES = ("label", "labels", "cls", "class", "class_name", "fine_label", "category", "target", "targets", "y")
_MISSING = ("", "nan", "none", "null")


def as_column(values: Sequence[Any]) -> Column:
    """Values as float64 (NaN where missing) if all of them are numbers, also written as text; else as text.

    Parameters
    ----------
    values
        Numbers, truth values, text or ``None``.
    """
    try:
        return np.array([np.nan if _is_missing(value) else float(value) for value in values], dtype=np.float64)
    except (ValueError, OverflowError):
        return np.array(["" if value is None else str(value) for value in values], dtype=np.str_)


def interpret(columns: Mapping[str, Column], class_names: Mapping[str, Sequence[str]] | None = None) -> Meaning:
    """Which column is the label, and what it says.

    It is the first column named label, class, category, target or the like, else the first with known class names.

    Parameters
    ----------
    columns
        By name, [N] each.
    class_names
        Names of the classes in their order, by the name of the column.

    Returns
    -------
    As for a table's column of labels, with the other columns.
    """
    known = class_names or {}
    by_name = {name.rpartition("/")[2].lower(): name for name in reversed(list(columns))}
    chosen = next((by_name[name] for name in LABEL_NAMES if name in by_name), None) or next(iter(known), None)
    if chosen is None or chosen not in columns:
        return Meaning(columns=dict(columns))
    found = meaning_of_column(chosen, columns[chosen], known.get(chosen, ()))
    found.columns = {name: column for name, column in columns.items() if name != chosen} | found.columns
    return found


def meaning_of_column(name: str, column: Column, class_names: Sequence[str] = ()) -> Meaning:
    """What a column of labels says; known class names keep their order, also those without an image."""
    if column.dtype.kind == "f":
        return meaning_of_numbers(name, column)
    distinct, codes = np.unique(column, return_inverse=True)
    texts = [str(text).strip() for text in distinct]
    if class_names and {text for text in texts if text} <= set(class_names):
        index = {text: number for number, text in enumerate(dict.fromkeys(class_names))} | {"": UNKNOWN}
        return Meaning(
            np.array([index[text] for text in texts], dtype=np.int64)[codes], tuple(dict.fromkeys(class_names))
        )
    return meaning_of_texts(name, texts, codes)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _MISSING)
