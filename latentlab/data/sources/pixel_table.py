"""Tables with an image a row: ``label,pixel0,…,pixel783`` (Kaggle), or a column ``pixels`` of numbers (FER2013)."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.array_dataset import ArraySource, cache_identity, unlabelled
from latentlab.data.sources.array_layout import in_layout, layout_note, layout_of
from latentlab.data.sources.splits import SPLIT_COLUMNS, splits_of
from latentlab.data.sources.table_file import Row, TableFile, some_rows
from latentlab.data.sources.values import as_numbers, column_of_texts, meaning_of_texts
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes
from latentlab.utils.text import pluralize

_FEWEST_PIXELS = 64
_PIXEL_NAME = re.compile(r"(pixel|pix|px|p|x)?[_ ]?\d+([x_]\d+)?", re.IGNORECASE)
_LABEL_NAMES = ("label", "class", "target", "y", "emotion", "")
_FILE_NAMES = ("path", "file", "filename", "file_name", "filepath", "file_path", "image_path")
_PACKED = "pixels"
_ROWS_AT_ONCE = 500
_MOST_OTHERS = 32  # columns that are not pixels
_FLOAT_BYTES = 4


def find_pixel_columns(table: TableFile) -> tuple[Row, bool, list[int]] | None:
    """Columns of pixels in a table of pixels.

    Returns
    -------
    (names, has_names, columns)
        Names of all columns, whether they stand in the first row, and the numbers of those with pixels; ``None`` if
        this is another kind of table.
    """
    rows = [row for row, _ in islice(table.rows(), 2)] if table.delimiter else []
    if not rows:
        return None
    names = [cell.strip() for cell in rows[0]]
    if as_numbers(names) is not None:
        columns = _pixels_without_names(len(names))
        return ([""] * len(names), False, columns) if columns else None
    lower = [name.lower() for name in names]
    pixels = [number for number, name in enumerate(names) if _PIXEL_NAME.fullmatch(name)]
    if len(rows) > 1 and _PACKED in lower:
        numbers = [*rows[1], *[""] * len(names)][lower.index(_PACKED)].split()
        if len(numbers) >= _FEWEST_PIXELS and as_numbers(numbers) is not None:
            return names, True, [lower.index(_PACKED)]
    has_files = any(name in _FILE_NAMES for name in lower)  # then these are further columns of images
    is_pixels = len(pixels) >= _FEWEST_PIXELS and len(names) - len(pixels) <= _MOST_OTHERS and not has_files
    return (names, True, pixels) if is_pixels else None


def _pixels_without_names(count: int) -> list[int]:
    """Numbers of the columns of pixels: all, or all but the first or the last, which is a label."""
    if count >= _FEWEST_PIXELS:
        for columns in (range(count), range(1, count)):
            if layout_of((1, len(columns))):
                return list(columns)
    return []


def open_pixel_table(
    path: Path, table: TableFile, names: Row, has_names: bool, pixels: Sequence[int]
) -> Generator[LoadProgress, None, ArraySource]:
    """Read a table of pixels; the arguments are those that `find_pixel_columns` returned.

    The images are square, grey or of three colour planes. Other columns are the label (named label, class, target, y or
    emotion, or without a name), the split, and further columns.

    Raises
    ------
    InputError
        When the number of pixels is no image's, a row has another number, or a pixel is not a number.
    """
    is_packed = len(pixels) == 1
    others = [number for number in range(len(names)) if number not in set(pixels)]
    cells: dict[int, list[str]] = {number: [] for number in others}
    parts: list[NDArray[Any]] = []
    width, total, rows_done = 0, 0, 0
    limit = available_bytes() // 4  # the parts are joined to a second copy
    rows = table.rows()
    if has_names:
        next(rows)
    while batch := list(some_rows(rows, _ROWS_AT_ONCE)):
        for row, _ in batch:
            if len(row) != len(names):
                raise InputError(
                    f"{path.name}: row {rows_done + 1} has {pluralize(len(row), 'column')}, the first {len(names)}"
                )
            rows_done += 1
        texts = [row[pixels[0]].split() if is_packed else [row[number] for number in pixels] for row, _ in batch]
        width = width or len(texts[0])
        total += len(batch) * width * _FLOAT_BYTES
        if total > limit:
            raise InputError(
                f"{path.name} has more pixels than the limit of {format_bytes(limit)}, a quarter of the memory that is "
                "available; save them as .npy"
            )
        parts.append(_numbers(texts, width, path.name, rows_done - len(batch)))
        for number in others:
            cells[number] += [row[number].strip() for row, _ in batch]
        yield LoadProgress(min(batch[-1][1], path.stat().st_size), path.stat().st_size, f"Reading {path.name}")
    if not parts:
        raise InputError(f"{path.name} has no rows")
    values = np.concatenate(parts)  # of bytes only if all parts are
    layout = layout_of(values.shape)
    if layout is None:
        raise InputError(f"{path.name} has {pluralize(width, 'pixel')} a row, which is not a square image")
    return _source(path, in_layout(values, layout), names, cells, layout_note(values.shape, path.name))


def _source(path: Path, images: NDArray[Any], names: Row, cells: dict[int, list[str]], note: str) -> ArraySource:
    labels = unlabelled(len(images))
    classes: tuple[str, ...] = ()
    metadata: dict[str, NDArray[Any]] = {}
    left_out: list[LeftOut] = []
    notes = [note]
    splits = None
    label = next((number for name in _LABEL_NAMES for number in cells if names[number].lower() == name), None)
    for number, texts in cells.items():
        known = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        distinct, codes = list(known), np.array([known[text] for text in texts], dtype=np.int64)
        name = names[number] or f"column {number + 1}"
        if number == label:
            meaning = meaning_of_texts(name, distinct, codes)
            labels, classes = (labels, classes) if meaning.labels is None else (meaning.labels, meaning.classes)
            metadata |= meaning.columns
            left_out += meaning.left_out
            notes.append(meaning.note)
            continue
        if splits is None and name.lower() in SPLIT_COLUMNS:
            splits = splits_of(distinct, codes)
            if splits is not None:
                continue
        metadata[name] = column_of_texts(distinct, codes)
    return ArraySource(
        images,
        labels,
        classes,
        path.name,
        path.stem,
        str(path),
        "table of pixels",
        cache_identity(path),
        metadata=metadata,
        splits=splits,
        left_out=left_out,
        notes=[note for note in notes if note],
    )


def _numbers(texts: list[list[str]], width: int, name: str, rows_before: int) -> NDArray[Any]:
    """Pixels [n, width]: uint8 if all are bytes, else float32."""
    for number, row in enumerate(texts, start=rows_before + 1):
        if len(row) != width:
            raise InputError(f"{name}: row {number} has {pluralize(len(row), 'pixel')}, the first {width}")
    try:
        values = np.array(list(map(float, chain.from_iterable(texts))), dtype=np.float32).reshape(len(texts), width)
    except ValueError as error:
        raise InputError(f"{name}: after row {rows_before} {error}") from None
    are_bytes = bool(((values >= 0) & (values <= math.nextafter(255, 256)) & (values == np.rint(values))).all())
    return values.astype(np.uint8) if are_bytes else values
