"""Columns from values that were read one by one, and which of the columns is the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.class_folders import natural_sort_key
from latentlab.data.types import UNKNOWN, Columns, Labels

Column = NDArray[Any]

LABEL_NAMES = ("label", "labels", "cls", "class", "class_name", "fine_label", "category", "target", "targets", "y")
MAX_CLASSES = 1000
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


def split_off_labels(
    columns: Mapping[str, Column], class_names: Mapping[str, Sequence[str]] | None = None
) -> tuple[Labels | None, tuple[str, ...], Columns]:
    """Labels, classes and the other columns.

    The labels are the first column named label, class, category, target or the like, else the first with known class
    names, unless its values are real numbers or more than 1,000.

    Parameters
    ----------
    columns
        By name, [N] each.
    class_names
        Names of the classes in their order, by the name of the column.

    Returns
    -------
    labels, classes, rest
        int64 [N] into the names, in natural order unless they are known, -1 where missing or negative; ``None`` if no
        column has labels.
    """
    known = class_names or {}
    by_name = {name.rpartition("/")[2].lower(): name for name in reversed(list(columns))}
    chosen = next((by_name[name] for name in LABEL_NAMES if name in by_name), None) or next(iter(known), None)
    found = None if chosen is None or chosen not in columns else class_labels(columns[chosen], known.get(chosen, ()))
    if found is None:
        return None, (), dict(columns)
    return *found, {name: column for name, column in columns.items() if name != chosen}


def class_labels(column: Column, class_names: Sequence[str] = ()) -> tuple[Labels, tuple[str, ...]] | None:
    """Labels and classes of a column; ``None`` if its values are real numbers or too many to be classes."""
    if column.dtype.kind == "f":
        known = np.isfinite(column) & (column >= 0)
        if (column[known] % 1).any():
            return None
        texts = [str(int(value)) if is_known else "" for value, is_known in zip(column, known, strict=True)]
    else:
        texts = [str(value).strip() for value in column.tolist()]
    names = sorted({text for text in texts if text}, key=natural_sort_key)
    if set(names) <= set(class_names):
        names = list(dict.fromkeys(class_names))
    if not names or len(names) > MAX_CLASSES:
        return None
    index = {name: number for number, name in enumerate(names)} | {"": UNKNOWN}
    return np.array([index[text] for text in texts], dtype=np.int64), tuple(names)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _MISSING)
