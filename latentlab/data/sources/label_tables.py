"""Tables beside images, such as ``labels.csv``: labels, splits and further columns, by the images' paths."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.loading.read_bytes import total_memory
from latentlab.data.sources.path_index import AMBIGUOUS, NOT_FOUND, PathIndex, has_image_suffix
from latentlab.data.sources.scan import all_printable
from latentlab.data.sources.splits import SPLIT_COLUMNS, splits_of
from latentlab.data.sources.table_columns import TableColumn
from latentlab.data.sources.table_file import NAMES, Row, TableFile, check_width, open_table, some_rows
from latentlab.data.sources.values import MAX_COLUMNS, Meaning, meaning_of_matrix
from latentlab.data.types import Labels, LeftOut, LoadProgress, Splits
from latentlab.errors import InputError
from latentlab.utils.text import pluralize

_PATH_NAMES = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image", "img", "image_id"),
    *("image_name", "imagename", "name", "id", "url"),
)
_LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target", "y", "tags")
_ROWS_AT_ONCE = 2000
_SAMPLE_ROWS = 200
_MAX_LISTED = 1000  # rows without an image; of the others only the number is kept
_EXACT = 1000  # more than any common tail
_BYTES_OF_CELL = 8
_COLUMNS_SHARE = 4  # all columns may take a quarter of the memory
_ENTRY_LENGTH = 200


@dataclass
class LabelTable:
    """Labels and further columns of images.

    Attributes
    ----------
    labels
        int64 [N], -1 where unknown; ``None`` when there is no column of labels.
    classes
        Class names, in natural order.
    metadata
        The other columns, [N] each: float64 (NaN where missing) if all entries are numbers or dates, else text.
    splits
        [N]: which split each image belongs to, "" for none; ``None`` when there is no column of splits.
    left_out
        Rows without an image, ambiguous rows, and columns that are not used.
    notes
        Sentences on how the tables were read.
    """

    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    metadata: dict[str, NDArray[Any]] = field(default_factory=dict)
    splits: Splits | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_tables(root: Path, files: Sequence[Path], paths: Sequence[str]) -> Generator[LoadProgress, None, LabelTable]:
    """Read tables and match their rows to the images ``paths``.

    The first row holds column names unless it names an image. The column of paths is the one in which most rows name an
    image, and of several one called path, file, image, id or the like; `PathIndex` says what an entry means. The label
    column is named label, class, category, target or the like, else it is the other one of two. A column named split
    or the like whose cells are train, validation, test or unlabeled gives the splits.

    Of several rows for an image the one with its whole path is used, else the one with the longest common tail, else
    the first; the others are left out. If two different entries mean an image equally, it stays unlabelled. Paths in a
    table of a folder below are relative to that folder.

    Parameters
    ----------
    root
        The dataset's folder.
    files
        The tables; the labels are taken from the first that has some.
    paths
        Relative paths of the images.

    Raises
    ------
    InputError
        When a file is not a table.
    """
    # In a thread what takes long with a million images: the index of their paths, and what a column means.
    progress = LoadProgress(0, len(paths), "Reading tables")
    paths = yield from run_in_thread(lambda: all_printable(list(paths)), progress)
    collector = _Collector(len(paths))
    for file in files:
        table = yield from open_table(file)
        index, inside = yield from run_in_thread(partial(_index_of, root, file.parent, paths), progress)
        yield from _TableReader(table, index, inside, collector).read()
    return (yield from run_in_thread(collector.finish, progress))


def _index_of(root: Path, parent: Path, paths: Sequence[str]) -> tuple[PathIndex, list[int] | None]:
    """The images that a table in the folder ``parent`` may name, and their numbers if these are not all images."""
    folder = parent.relative_to(root).as_posix() if parent != root else ""
    if not folder:
        return PathIndex(paths, str(parent)), None
    inside = [number for number, path in enumerate(paths) if path.startswith(folder + "/")]
    return PathIndex([paths[number].removeprefix(folder + "/") for number in inside], str(parent)), inside


class _Collector:
    """Columns of all tables."""

    def __init__(self, images: int) -> None:
        self.images = images
        self.columns: dict[str, TableColumn] = {}
        self._folders: dict[str, Path] = {}
        self._most = max(8, total_memory() // _COLUMNS_SHARE // (_BYTES_OF_CELL * max(1, images)))
        self.label_column = ""
        self.split_column = ""
        self.result = LabelTable()

    def column(self, name: str, folder: Path, has_decimal_comma: bool) -> TableColumn:
        """The column of a table in ``folder``: a new one, or that of the same name of a table in a folder beside it."""
        taken = self.columns.get(name)
        if taken is not None and self._folders[name] != folder and self._folders[name].parent == folder.parent:
            return taken
        unique, count = name, 1
        while unique in self.columns:
            count += 1
            unique = f"{name} ({count})"
        column = TableColumn(unique, self.images, has_decimal_comma)
        if len(self.columns) >= self._most:
            column.problem = f"{self._most} columns of {self.images:,} images already take a quarter of the memory"
        self.columns[unique], self._folders[unique] = column, folder
        return column

    def finish(self) -> LabelTable:
        """The columns as labels, splits and metadata."""
        result = self.result
        for name in [name for name, column in self.columns.items() if column.problem]:
            result.left_out.append(LeftOut(name, self.columns.pop(name).problem, "column"))
        if self.split_column in self.columns:
            distinct, codes = self.columns[self.split_column].texts()
            result.splits = splits_of(distinct, codes)
            if result.splits is not None:
                del self.columns[self.split_column]
        if self.label_column in self.columns:
            self._use(self.columns.pop(self.label_column).meaning())
        else:
            self._use(_one_hot(self.columns))
        for name, column in self.columns.items():
            values = column.values()
            if column.problem:
                result.left_out.append(LeftOut(name, column.problem, "column"))
            else:
                result.metadata[name] = values
        return result

    def _use(self, meaning: Meaning) -> None:
        result = self.result
        result.labels, result.classes = meaning.labels, meaning.classes
        result.left_out += meaning.left_out
        for name, values in meaning.columns.items():
            result.metadata[name] = values
            self.columns.pop(name, None)
        if meaning.note:
            result.notes.append(meaning.note)


def _one_hot(columns: dict[str, TableColumn]) -> Meaning:
    """Classes from columns of 0 and 1 of which one is 1 in each row, as in ISIC's tables; none if there are others."""
    values = [column.values() for column in columns.values()]
    if len(values) < 2 or any(column.dtype.kind != "f" for column in values):
        return Meaning()
    matrix = np.stack(values, 1)
    known = ~np.isnan(matrix).any(1)
    by_chance = known.sum() < 2 * len(values)
    if by_chance or not (np.isin(matrix[known], (0, 1)).all() and (matrix[known].sum(1) == 1).all()):
        return Meaning()
    matrix[~known] = 0
    meaning = meaning_of_matrix("one-hot", matrix, tuple(columns))
    meaning.note = f"each image has a 1 in one of the columns {', '.join(islice(columns, 8))}: they are the classes"
    return meaning


class _TableReader:
    """Reads one table."""

    def __init__(self, table: TableFile, index: PathIndex, inside: list[int] | None, collector: _Collector) -> None:
        self._table, self._index, self._inside, self._collector = table, index, inside, collector
        self._name = table.path.name
        self._names: list[str] = []
        self._columns: list[TableColumn | None] = []  # None for the paths
        self._path_column = 0
        # Of the row that is used for an image: 0 for none, else how well it matches; and what its entry is.
        self._strength = np.zeros(collector.images, dtype=np.int16)
        self._entry = np.zeros(collector.images, dtype=np.int64)
        self._contested: set[int] = set()
        self._left_out: list[LeftOut] = []
        self._more_left_out = 0

    def read(self) -> Generator[LoadProgress, None, None]:
        """Read all rows, and report those that are not used."""
        rows = self._table.rows()
        sample = list(some_rows(rows, _SAMPLE_ROWS))
        if not sample:
            raise InputError(f"{self._name} is empty")
        size = max(1, self._table.path.stat().st_size)
        progress = LoadProgress(0, size, f"Reading {self._name}")
        # In a thread: with a million images, the index is made in steps of a second.
        remaining = chain((yield from run_in_thread(partial(self._begin, sample), progress)), rows)
        while done := (yield from run_in_thread(partial(self._read_some, remaining), progress)):
            progress = LoadProgress(min(done, size), size, f"Reading {self._name}")
            yield progress
        self._report()

    def _read_some(self, rows: Iterator[tuple[Row, int]]) -> int:
        """Read some rows; returns how many characters of the file are read, 0 at its end."""
        images: list[int] = []
        batch: list[Row] = []
        characters = 0
        for row, characters in some_rows(rows, _ROWS_AT_ONCE):  # noqa: B007
            if row[0] == NAMES:
                self._add_columns(row[1:])
                continue
            if len(row) > len(self._names):
                self._add_columns([*self._names, *[""] * (len(row) - len(self._names))])
            image = self._image_of(row)
            if image >= 0:
                images.append(image)
                batch.append(row)
        self._store(images, batch)
        return characters

    def _begin(self, sample: list[tuple[Row, int]]) -> list[tuple[Row, int]]:
        """Decide which columns are paths, labels and splits; returns the rows of the sample without the names."""
        first = [cell.strip() for cell in sample[0][0]]
        if first[0] == NAMES:
            names, rows = first[1:], sample[1:]
        elif self._is_row_of_names(first):
            names, rows = first, sample[1:]
        else:
            names, rows = [""] * len(first), sample
        cells = [row for row, _ in rows if row[0] != NAMES]
        self._path_column = self._find_path_column(names, cells)
        if not any(names):
            others = [number for number in range(len(names)) if number != self._path_column]
            names[self._path_column] = "path"
            if others:
                names[others[0]] = "label"
        lower = [name.lower() for name in names]
        lower[self._path_column] = ""
        split = next((number for number, name in enumerate(lower) if name in SPLIT_COLUMNS), None)
        label = next((lower.index(name) for name in _LABEL_NAMES if name in lower), None)
        others = [number for number in range(len(names)) if number not in (self._path_column, split)]
        if label is None and len(others) == 1:
            label = others[0]
        self._add_columns(names)
        for number, attribute in ((label, "label_column"), (split, "split_column")):
            column = None if number is None else self._columns[number]
            if column is not None and not getattr(self._collector, attribute):
                setattr(self._collector, attribute, column.name)
        return rows

    def _is_row_of_names(self, first: Row) -> bool:
        if any(has_image_suffix(cell) for cell in first):
            return False
        if any(cell.lower() in (*_PATH_NAMES, *_LABEL_NAMES, *SPLIT_COLUMNS) for cell in first):
            return True
        return all(self._index.find(cell).number < 0 for cell in first)

    def _find_path_column(self, names: list[str], rows: list[Row]) -> int:
        """The column in which most rows name an image; labels may happen to be names of images, and come last."""
        by_name = [number for name in _PATH_NAMES for number, each in enumerate(names) if each.lower() == name]
        others = [number for number in range(len(names)) if number not in by_name]
        others.sort(key=lambda number: names[number].lower() in _LABEL_NAMES)
        best, most = (by_name or others)[0], 0
        for candidates in (by_name, others):
            for number in candidates:
                found = sum(number < len(row) and self._index.find(row[number]).number != NOT_FOUND for row in rows)
                if found > most:
                    best, most = number, found
            if most:
                break
        return best

    def _add_columns(self, names: list[str]) -> None:
        """Add the columns that are new."""
        check_width(len(names), MAX_COLUMNS, self._name)
        has_decimal_comma = self._table.delimiter not in (",", "")
        for number in range(len(self._columns), len(names)):
            if number == self._path_column:
                self._columns.append(None)
            else:
                name = names[number].strip() or f"column {number + 1}"
                self._columns.append(self._collector.column(name, self._table.path.parent, has_decimal_comma))
        self._names = names

    def _image_of(self, row: Row) -> int:
        """The image that a row is used for; -1 for none."""
        entry = row[self._path_column].strip() if self._path_column < len(row) else ""
        match = self._index.find(entry)
        if match.number < 0:
            several = f"several images have this name, and {self._name} does not say which is meant"
            none = f"in {self._name}, but there is no such image here"
            self._leave_out(entry, several if match.number == AMBIGUOUS else none)
            return -1
        image = match.number if self._inside is None else self._inside[match.number]
        strength = match.tail + (_EXACT if match.is_exact else 0)
        before = int(self._strength[image])
        if before == strength:
            if match.is_exact or self._entry[image] == hash(entry):
                self._leave_out(entry, f"another row of {self._name} for the same image: the first is used")
            else:
                self._contested.add(image)
                self._leave_out(entry, f"another row of {self._name} may mean the same image: neither is used")
            return -1
        if before > strength:
            self._leave_out(entry, f"another row of {self._name} names this image more exactly")
            return -1
        if before:
            self._contested.discard(image)
            self._leave_out(entry, f"an earlier row of {self._name} names this image less exactly, and is not used")
        self._strength[image] = strength
        self._entry[image] = hash(entry)
        return image

    def _leave_out(self, entry: str, reason: str) -> None:
        if len(self._left_out) < _MAX_LISTED:
            self._left_out.append(LeftOut(entry[:_ENTRY_LENGTH] or "(no path)", reason, "row"))
        else:
            self._more_left_out += 1

    def _store(self, images: list[int], rows: list[Row]) -> None:
        if not images:
            return
        # An image may have a row twice, the later one naming it more exactly: the last one is kept.
        for number, column in enumerate(self._columns):
            if column is not None:
                column.set(images, [row[number] if number < len(row) else "" for row in rows])

    def _report(self) -> None:
        result = self._collector.result
        if self._contested:
            for column in self._columns:
                if column is not None:
                    column.clear(sorted(self._contested))
            self._strength[sorted(self._contested)] = 0
        result.left_out += self._left_out
        if self._more_left_out:
            result.left_out.append(
                LeftOut("…", f"further rows of {self._name} that are not used", "row", self._more_left_out)
            )
        images = self._collector.images if self._inside is None else len(self._inside)
        missing = images - int((self._strength > 0).sum())
        if missing:
            pronoun = "has" if missing == 1 else "have"
            result.notes.append(f"{missing:,} of {pluralize(images, 'image')} {pronoun} no row in {self._name}")
        if self._table.encoding == "cp1252":
            result.notes.append(f"{self._name} is not UTF-8, and is read as Windows-1252")
