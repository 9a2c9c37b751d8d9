"""``labels.csv``: a table of paths or file names, labels and further columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_file import SUFFIXES, UnreadableError, open_regular
from latentlab.data.sources.class_folders import natural_sort_key
from latentlab.data.sources.scan import printable
from latentlab.data.types import UNKNOWN, Labels, LeftOut, LoadProgress
from latentlab.errors import InputError

_PATH_NAMES = ("path", "file", "filename", "file_name", "image_path", "image", "img", "image_id", "name", "id")
_LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target", "y")
_LARGEST_FILE = 1 << 30
_MAX_COLUMNS = 256
_MAX_CLASSES = 1000
_ROWS_AT_ONCE = 5000


@dataclass(frozen=True)
class LabelTable:
    """Labels and further columns of images.

    Attributes
    ----------
    labels
        int64 [N], -1 where unknown; ``None`` when there is no column of labels.
    classes
        Class names, in natural order.
    metadata
        The other columns, [N] each: float64 (NaN where missing) if all entries are numbers, else text.
    left_out
        Rows without an image.
    """

    labels: Labels | None
    classes: tuple[str, ...]
    metadata: dict[str, NDArray[Any]]
    left_out: list[LeftOut]


def read_labels(file: Path, paths: Sequence[str]) -> Generator[LoadProgress, None, LabelTable]:
    """Read a table and match its rows to the images ``paths``.

    The first row holds column names unless it starts with an image's file name. The path column is named path, file,
    filename, image, id or the like, else it is the first; the label column is named label, class, category, target or
    the like, else it is the other one of two. A row is matched by relative path, else by file name, with or without
    suffix. If two rows match an image, the first is used. A label column with more than 1,000 distinct values is
    metadata and not classes.

    Raises
    ------
    InputError
        When the file is not a table in UTF-8, or too large.
    """
    names, rows = yield from _read_rows(file)
    path_column, label_column = _columns(names)
    row_of = yield from _matched([row[path_column] for row in rows], paths, file.name)
    columns: dict[str, list[str]] = {}
    for number, name in enumerate(names):
        if number != path_column:
            cells = [row[number].strip() if number < len(row) else "" for row in rows] + [""]
            columns[_unique_name(name or f"column {number + 1}", columns)] = [cells[row] for row in row_of.tolist()]
            if number == label_column:
                label_name = next(reversed(columns))
            yield LoadProgress(number, len(names), f"Reading {file.name}")
    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    if label_column is not None:
        distinct = {cell for cell in columns[label_name] if cell}
        if len(distinct) <= _MAX_CLASSES:
            labels, classes = _numbered(columns.pop(label_name), distinct)
    used = set(row_of.tolist())
    left_out = [
        LeftOut(row[path_column][:200], f"in {file.name}, but there is no such image here", "row")
        for number, row in enumerate(rows)
        if number not in used
    ]
    return LabelTable(labels, classes, {name: _column(cells) for name, cells in columns.items()}, left_out)


def _read_rows(file: Path) -> Generator[LoadProgress, None, tuple[list[str], list[list[str]]]]:
    text = _read_text(file)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows: list[list[str]] = []
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            if any(row):
                rows.append(row)
            if number % _ROWS_AT_ONCE == 0:
                yield LoadProgress(number, None, f"Reading {file.name}")
    except csv.Error as error:
        raise InputError(f"{file.name} is not a table: {error}") from None
    if not rows:
        raise InputError(f"{file.name} is empty")
    width = max(map(len, rows))
    if width > _MAX_COLUMNS:
        raise InputError(f"{file.name} has {width} columns, more than {_MAX_COLUMNS}")
    if Path(rows[0][0].strip()).suffix.lower() in SUFFIXES:
        names = ["path", "label", *("" for _ in range(width - 2))][:width]
    else:
        names = [name.strip() for name in rows.pop(0)]
        names += [""] * (width - len(names))
    return names, rows


def _read_text(file: Path) -> str:
    try:
        with open_regular(file) as opened:
            data = opened.read(_LARGEST_FILE + 1)
        text = data.decode("utf-8-sig")
    except UnreadableError as error:
        raise InputError(f"{file.name} cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file.name} is not UTF-8 text (byte {error.start})") from None
    if len(data) > _LARGEST_FILE:
        raise InputError(f"{file.name} is larger than {_LARGEST_FILE >> 20} MB")
    if "\0" in text:
        raise InputError(f"{file.name} is not text: it contains zero bytes")
    return text


def _columns(names: list[str]) -> tuple[int, int | None]:
    lower = [name.lower() for name in names]
    path = next((lower.index(name) for name in _PATH_NAMES if name in lower), 0)
    label = next((lower.index(name) for name in _LABEL_NAMES if name in lower and lower.index(name) != path), None)
    if label is None and len(names) == 2:
        label = 1 - path
    return path, label


def _matched(listed: list[str], paths: Sequence[str], name: str) -> Generator[LoadProgress, None, NDArray[np.int64]]:
    """Row index of each image, -1 if there is none."""
    by_path: dict[str, int] = {}
    by_name: dict[str, int] = {}
    for number, entry in enumerate(listed):
        path = entry.strip().replace("\\", "/").removeprefix("./")
        by_path.setdefault(path, number)
        by_name.setdefault(path.rpartition("/")[2], number)
        if number % _ROWS_AT_ONCE == 0:
            yield LoadProgress(number, len(listed), f"Reading {name}")
    found = np.full(len(paths), -1, dtype=np.int64)
    for number, path in enumerate(map(printable, paths)):
        last = path.rpartition("/")[2]
        for table, entry in ((by_path, path), (by_path, _stem(path)), (by_name, last), (by_name, _stem(last))):
            if entry in table:
                found[number] = table[entry]
                break
        if number % _ROWS_AT_ONCE == 0:
            yield LoadProgress(number, len(paths), f"Matching {name}")
    return found


def _stem(path: str) -> str:
    return path.rpartition(".")[0]


def _unique_name(name: str, taken: dict[str, list[str]]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name} ({count})"
    return candidate


def _numbered(cells: list[str], distinct: set[str]) -> tuple[Labels, tuple[str, ...]]:
    classes = tuple(sorted(distinct, key=natural_sort_key))
    index = {name: number for number, name in enumerate(classes)} | {"": UNKNOWN}
    return np.array([index[cell] for cell in cells], dtype=np.int64), classes


def _column(cells: list[str]) -> NDArray[Any]:
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    except ValueError:
        return np.array(cells, dtype=np.str_)
