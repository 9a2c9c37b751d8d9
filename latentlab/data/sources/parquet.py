"""Hugging Face datasets on disk: Parquet files and saved Arrow datasets with a column of images (pyarrow).

An image is a file's content, in a column of bytes or of ``{"bytes", "path"}``; the names of classes are in the schema's
metadata, where the ``datasets`` library writes its features. A file is read by batches, never as a whole.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.data.images.image_file import UnreadableError
from latentlab.data.loading.fetcher import Fetch, Payload
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.array_dataset import cache_identity, unlabelled
from latentlab.data.sources.arrow_stream import ArrowStream, open_arrow
from latentlab.data.sources.columns import Column, as_column, interpret
from latentlab.data.sources.extras import import_extra
from latentlab.data.sources.items import ImageItems
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes

_MAGIC = b"PAR1"
_IMAGE_NAMES = ("image", "images", "img", "picture", "jpg", "png", "jpeg", "webp", "bytes", "content", "data")
_MEMORY_FRACTION = 8
_ROWS_AT_ONCE = 32
_MAX_COLUMNS = 64
_MEMORY_PER_ROW = 200  # bytes, for names and labels
_MAX_DEPTH = 4  # of columns within columns
_NUMBERS = ("int", "uint", "float", "double", "halffloat", "bool", "timestamp", "date")
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class _Table:
    """A Parquet file or an Arrow stream file, opened.

    Attributes
    ----------
    schema
        Of pyarrow.
    rows
        Number of rows of each part: a row group, or a record batch.
    sizes
        Uncompressed bytes of each part by the name of a top-level column.
    batches
        Reads columns of a part by batches of at most 32 rows.
    """

    schema: Any
    rows: list[int]
    sizes: list[dict[str, int]]
    batches: Any


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    except OSError:
        return False


def is_arrow(path: Path) -> bool:
    """Whether a file is a saved Arrow dataset's, by its name."""
    return path.suffix.lower() == ".arrow"


def open_parquet(path: Path) -> Generator[LoadProgress, None, ImageItems]:
    """List the images of a Parquet or Arrow file, with their labels and further columns.

    Raises
    ------
    InputError
        When pyarrow is missing, the file is damaged, or there is no column of images.
    """
    for module in ("pyarrow.parquet", "pyarrow.ipc"):  # in a thread: importing takes a while
        progress = LoadProgress(0, None, "Loading pyarrow")
        yield from run_in_thread(partial(import_extra, module, "pyarrow", "hf", f"{path.name} is read"), progress)
    return (yield from run_in_thread(partial(_items, path), LoadProgress(0, None, f"Reading {path.name}")))


def _items(path: Path) -> ImageItems:
    try:
        with opened_table(path) as table:
            features = _features(table.schema)
            key, left_out = _image_column(path, table, features)
            count = _count(path, table)
            names = _names(path, table, key, count)
            columns, more = _read_columns(path, table, key, features, count)
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path.name} does not fit into memory") from None
    except Exception as error:  # pyarrow raises errors of many kinds for damaged files
        raise InputError(f"{path.name} is damaged: {_first_line(error)}") from None
    class_names = {name: found for name in columns if (found := _class_names(features.get(name, {})))}
    meaning = interpret(columns, class_names)
    return ImageItems(
        names=names,
        labels=unlabelled(count) if meaning.labels is None else meaning.labels,
        classes=meaning.classes,
        name=path.stem,
        source=str(path),
        place=path.name,
        cache_identity=cache_identity(path),
        open_reader=partial(_reader, path, key),
        left_out=left_out + more + meaning.left_out,
        metadata=meaning.columns,
        notes=[meaning.note] if meaning.note else [],
    )


def _count(path: Path, table: _Table) -> int:
    """Number of rows.

    Raises
    ------
    InputError
        When the file announces more than can be listed.
    """
    count = sum(table.rows)
    if count * _MEMORY_PER_ROW > available_bytes():
        raise InputError(f"{path.name} announces {count:,} rows, too many for the available memory")
    return count


@contextmanager
def opened_table(path: Path) -> Iterator[_Table]:
    """Open a Parquet or Arrow file for the time of a ``with`` block; its row counts are what it announces."""
    purpose = f"{path.name} is read"
    pyarrow = import_extra("pyarrow", "pyarrow", "hf", purpose)
    if is_arrow(path):
        with pyarrow.memory_map(str(path)) as mapped:
            stream = open_arrow(path, mapped)
            yield _Table(stream.schema, stream.rows, stream.sizes, partial(_slices, stream))
        return
    parquet = import_extra("pyarrow.parquet", "pyarrow", "hf", purpose)
    with parquet.ParquetFile(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]

        def batches(part: int, columns: list[str]) -> Iterator[Any]:
            return iter(file.iter_batches(_ROWS_AT_ONCE, row_groups=[part], columns=columns, use_threads=False))

        yield _Table(file.schema_arrow, [group.num_rows for group in groups], list(map(_sizes, groups)), batches)


def _slices(stream: ArrowStream, part: int, columns: list[str]) -> Iterator[Any]:
    chosen = stream.batch(part, columns)
    for start in range(0, chosen.num_rows, _ROWS_AT_ONCE):
        batch = chosen.slice(start, _ROWS_AT_ONCE)
        batch.validate(full=True)  # Arrow trusts the offsets in a file otherwise
        yield batch


def _sizes(group: Any) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for number in range(group.num_columns):
        column = group.column(number)
        name = column.path_in_schema.partition(".")[0]
        sizes[name] = sizes.get(name, 0) + column.total_uncompressed_size
    return sizes


def _features(schema: Any) -> dict[str, Any]:
    """The features that the ``datasets`` library has written into the schema."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}


def _image_column(path: Path, table: _Table, features: dict[str, Any]) -> tuple[str, list[LeftOut]]:
    """Name of the column of images, and the other columns of images."""
    schema = table.schema
    found = [name for name in schema.names if features.get(name, {}).get("_type") == "Image"]
    of_bytes = [field.name for field in schema if _holds_bytes(field.type)]
    found += [name for name in of_bytes if name not in found]
    if not found:
        held = ", ".join(f"{field.name} ({field.type!s:.40})" for field in list(schema)[:10]) or "none"
        raise InputError(f"{path.name} has no column of images (its columns: {held})")
    marked = {name for name in found if features.get(name, {}).get("_type") == "Image"}
    by_name = {name.lower(): name for name in reversed(found)}
    named = (by_name[name] for name in _IMAGE_NAMES if name in by_name and (not marked or by_name[name] in marked))
    chosen = next(named, found[0])
    return chosen, [
        LeftOut(name, f"another column of images; {chosen} is used", "column") for name in found if name != chosen
    ]


def _holds_bytes(kind: Any) -> bool:
    text = str(kind)
    return text in ("binary", "large_binary", "binary_view") or text.startswith("struct<bytes: ")


def _names(path: Path, table: _Table, key: str, count: int) -> list[str]:
    """The images' names in the file they come from, if these are unique, else ``file#row``."""
    numbered = [f"{path.name}#{number}" for number in range(count)]
    field = table.schema.field(key)
    if not str(field.type).startswith("struct<") or field.type.get_field_index("path") < 0 or is_arrow(path):
        return numbered
    names: list[str] = []
    for part in range(len(table.rows)):
        for batch in table.batches(part, [f"{key}.path"]):
            names += batch.column(0).field("path").to_pylist()
    usable = len(set(names)) == len(names) == count and all(isinstance(name, str) and name for name in names)
    return [name[:_LONGEST_TEXT] for name in names] if usable else numbered


def _read_columns(
    path: Path, table: _Table, key: str, features: dict[str, Any], count: int
) -> tuple[dict[str, Column], list[LeftOut]]:
    """The columns of numbers and of short text, also within others; and those that are neither, or too large."""
    columns: dict[str, Column] = {}
    left_out: list[LeftOut] = []
    limit = available_bytes() // _MEMORY_FRACTION
    fields = [field for field in table.schema if field.name != key and not _holds_bytes(field.type)]
    for steps, kind in (leaf for field in fields for leaf in _leaves((field.name,), field.type)):
        title = ".".join(steps)
        is_text = kind in ("string", "large_string") or kind.startswith("dictionary<values=string")
        size = sum(sizes.get(steps[0], 0) for sizes in table.sizes)
        if not is_text and not kind.startswith(_NUMBERS):
            left_out.append(LeftOut(title, f"a column of {kind:.60}", "column"))
        elif len(columns) >= _MAX_COLUMNS:
            left_out.append(LeftOut(title, f"more than {_MAX_COLUMNS} columns", "column"))
        elif size > limit or (is_text and count * _LONGEST_TEXT * 4 > limit):
            left_out.append(LeftOut(title, f"a column of {format_bytes(size)}, too large for the memory", "column"))
        else:
            values = _values(table, steps)
            if len(values) == count:
                columns[title] = as_column(_plain(values, _class_names(features.get(title, {}))))
            else:
                left_out.append(LeftOut(title, f"damaged: {len(values):,} values in {count:,} rows", "column"))
    return columns, left_out


def _leaves(path: tuple[str, ...], kind: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """The columns within a column of ``struct`` by their path, and their types; itself if it is another column."""
    if not str(kind).startswith("struct<") or len(path) > _MAX_DEPTH:
        yield path, str(kind)
        return
    for number in range(kind.num_fields):
        field = kind.field(number)
        yield from _leaves((*path, field.name), field.type)


def _values(table: _Table, path: tuple[str, ...]) -> list[Any]:
    """All values of a column, or of one within another."""
    compute = importlib.import_module("pyarrow.compute")
    values: list[Any] = []
    for part in range(len(table.rows)):
        for batch in table.batches(part, [path[0]]):
            column = batch.column(0)
            column = compute.struct_field(column, list(path[1:])) if path[1:] else column
            values += column.to_pylist()
    return values


def _class_names(feature: dict[str, Any]) -> list[str]:
    """Names of a column of classes; empty for another column."""
    names = feature.get("names") if feature.get("_type") == "ClassLabel" else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _plain(values: list[Any], class_names: list[str]) -> list[Any]:
    """Numbers and text; numbers of classes become their names."""
    if class_names:
        return [
            class_names[value] if isinstance(value, int) and 0 <= value < len(class_names) else None for value in values
        ]
    return [
        value[:_LONGEST_TEXT] if isinstance(value, str) else value if value is None else _number(value)
        for value in values
    ]


def _number(value: Any) -> float | str:
    return float(value) if isinstance(value, int | float) else str(value)


@contextmanager
def _reader(path: Path, key: str) -> Iterator[Fetch]:
    """Reads rows in order."""
    limit = available_bytes() // _MEMORY_FRACTION
    with opened_table(path) as table:
        ends = np.cumsum(table.rows)
        rows = _Rows(table, key)

        def fetch(numbers: Sequence[int]) -> Iterator[Payload]:
            for number in numbers:
                part = int(np.searchsorted(ends, number, side="right"))
                size = table.sizes[part].get(key, 0)
                if size > limit:
                    yield UnreadableError(f"in a row group of {format_bytes(size)}, too large for the memory")
                else:
                    yield _content(rows.value(part, number - int(ends[part]) + table.rows[part]), path.parent)

        yield fetch


class _Rows:
    """The values of a column, read by batches in ascending order."""

    def __init__(self, table: _Table, key: str) -> None:
        self._table, self._key = table, key
        self._part, self._start, self._stop = -1, 0, 0
        self._batches: Iterator[Any] = iter(())
        self._values: Any = None

    def value(self, part: int, row: int) -> Any:
        """The value in a row of a part."""
        if part != self._part:
            self._part, self._start, self._stop = part, 0, 0
            self._batches = self._table.batches(part, [self._key])
        while row >= self._stop:
            batch = next(self._batches)
            self._values = batch.column(0)
            self._start, self._stop = self._stop, self._stop + batch.num_rows
        return self._values[row - self._start].as_py()


def _content(value: Any, folder: Path) -> Payload:
    """A file's content, or its path in the folder of the table."""
    if isinstance(value, dict):
        path = value.get("path")
        value = value.get("bytes") or (str(folder / path) if isinstance(path, str) and path else None)
    return value if isinstance(value, bytes | str) and value else UnreadableError("no image in this row")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
