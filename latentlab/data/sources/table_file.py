"""Tables as text: CSV and TSV in several encodings, and JSON lines, read row by row in bounded memory."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError
from latentlab.utils.plain_text import unquote_cell
from latentlab.utils.text import pluralize

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
LIST_SEPARATOR = "|"  # between the labels of one image
_DELIMITERS = ",;\t|"
_CHUNK = 4 << 20
_SAMPLE = 64 << 10
_SAMPLE_ROWS = 50
_LONGEST_LINE = 1 << 20
_CHARACTERS_AT_ONCE = 4 << 20
_ALWAYS_ZERO = 0.3  # fraction of zero bytes at even or odd positions of UTF-16 without a byte order mark

Row = list[str]


@dataclass(frozen=True)
class TableFile:
    """A table in a file.

    Attributes
    ----------
    path
        The file.
    encoding
        ``utf-8-sig``, ``utf-16``, ``utf-16-le``, ``utf-16-be`` or ``cp1252``.
    delimiter
        Between two columns; empty for JSON lines.
    has_separator_line
        Whether the first line is Excel's ``sep=;``.
    """

    path: Path
    encoding: str
    delimiter: str
    has_separator_line: bool = False

    def rows(self) -> Iterator[tuple[Row, int]]:
        """Rows that are not empty, each with the number of characters read so far.

        An apostrophe that keeps a spreadsheet from taking a cell for a formula, as ``latentlab encode`` writes it, is
        not part of the cell.

        JSON lines begin with a row of the keys, marked by `NAMES` in front of them; when a key comes that is new,
        there is another such row, with all keys so far.

        Raises
        ------
        InputError
            When the file is not a table, or a line has more than a million characters.
        """
        with self._opened() as file:
            lines = _Lines(file, self.path.name)
            if self.has_separator_line:
                next(lines)
            if not self.delimiter:
                yield from self._objects(lines)
                return
            try:
                for row in csv.reader(lines, delimiter=self.delimiter):
                    lines.begin_row()
                    if any(row):
                        yield (_unquoted(row) if lines.take_apostrophe() else row), lines.characters
            except csv.Error as error:
                raise InputError(f"{self.path.name} is not a table: {error}") from None

    def _objects(self, lines: _Lines) -> Iterator[tuple[Row, int]]:
        names: dict[str, int] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                lines.begin_row()
                values = json.loads(line)
            except (ValueError, RecursionError):
                raise InputError(f"{self.path.name} is not JSON lines: line {number} is not JSON") from None
            if not isinstance(values, dict):
                raise InputError(f"{self.path.name} is not a table: line {number} is not a JSON object")
            if not values.keys() <= names.keys():
                for name in values:
                    names.setdefault(name, len(names))
                yield [NAMES, *names], lines.characters
            row = [""] * len(names)
            for name, value in values.items():
                row[names[name]] = _cell(value)
            yield row, lines.characters

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        with open_table_file(self.path) as file, io.TextIOWrapper(file, encoding=self.encoding, newline="") as text:
            yield text


NAMES = "\0names"


@contextmanager
def open_table_file(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file; its errors are about this file."""
    try:
        with open_regular(path) as file:
            yield file
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}") from None


def open_table(path: Path) -> Generator[LoadProgress, None, TableFile]:
    """Find out encoding and delimiter of a table; reads the file once, in pieces.

    Raises
    ------
    InputError
        When it is not text.
    """
    encoding = yield from _encoding(path)
    if path.suffix.lower() == ".jsonl":
        return TableFile(path, encoding, "")
    with open_table_file(path) as file, io.TextIOWrapper(file, encoding, "replace", "") as opened:
        text = opened.read(_SAMPLE)
    first = text[:_SAMPLE].splitlines()[0].strip().lower() if text.strip() else ""
    if first.startswith("sep=") and len(first) == len("sep=,"):
        return TableFile(path, encoding, first[-1], has_separator_line=True)
    return TableFile(path, encoding, _delimiter(text, is_cut=len(text) == _SAMPLE))


def _encoding(path: Path) -> Generator[LoadProgress, None, str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    done = 0
    size = path.stat().st_size if os.path.exists(path) else 0
    with open_table_file(path) as file:
        while chunk := file.read(_CHUNK):
            if not done:
                wide = _wide_encoding(chunk[:_SAMPLE])
                if wide:
                    return wide
            if b"\0" in chunk:
                raise InputError(f"{path.name} is not text: it contains zero bytes")
            if is_utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    is_utf8 = False
            done += len(chunk)
            yield LoadProgress(done, size, f"Reading {path.name}")
    if not done:
        raise InputError(f"{path.name} is empty")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return "utf-8-sig" if is_utf8 else "cp1252"


def _wide_encoding(start: bytes) -> str:
    """The kind of UTF-16 that a file begins as; empty for none."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    half = max(1, len(start) // 2)
    if start[1::2].count(0) > _ALWAYS_ZERO * half and not start[::2].count(0):
        return "utf-16-le"
    if start[::2].count(0) > _ALWAYS_ZERO * half and not start[1::2].count(0):
        return "utf-16-be"
    return ""


def _delimiter(text: str, is_cut: bool) -> str:
    """The delimiter with which most rows have as many cells as the first one, which has several."""
    best, most = ",", 0
    for delimiter in _DELIMITERS:
        try:
            rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _SAMPLE_ROWS))
        except csv.Error:
            continue
        rows = [row for row in (rows[:-1] if is_cut and len(rows) > 1 else rows) if any(row)]
        if rows and len(rows[0]) > 1:
            alike = sum(len(row) == len(rows[0]) for row in rows)
            if alike > most:
                best, most = delimiter, alike
    return best


class _Lines:
    """Lines of a text, counted; a line that is too long is refused before it fills the memory."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file, self._name = file, name
        self.characters = 0
        self._has_apostrophe = False
        self._row_start = 0

    def begin_row(self) -> None:
        """Count the characters of a row from here."""
        self._row_start = self.characters

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._file.readline(_LONGEST_LINE)
        except UnicodeDecodeError:
            raise InputError(
                f"{self._name} is not text in UTF-8, UTF-16 or Windows-1252 (after {self.characters} characters)"
            ) from None
        if not line:
            raise StopIteration
        if len(line) >= _LONGEST_LINE:
            raise InputError(f"{self._name} is not a table: a line has more than {_LONGEST_LINE:,} characters")
        if "\0" in line:
            raise InputError(f"{self._name} is not text: it contains zero bytes")
        self.characters += len(line)
        self._has_apostrophe = self._has_apostrophe or "'" in line
        if self.characters - self._row_start > _LONGEST_LINE:  # within quotes, a row goes over many lines
            raise InputError(f"{self._name} is not a table: a row has more than {_LONGEST_LINE:,} characters")
        return line

    def take_apostrophe(self) -> bool:
        """Whether there was an apostrophe in the lines since the last call."""
        taken, self._has_apostrophe = self._has_apostrophe, False
        return taken


def _unquoted(row: Row) -> Row:
    return [unquote_cell(cell) for cell in row]


def _cell(value: Any) -> str:
    """A JSON value as a cell; a list of plain values as its items."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return LIST_SEPARATOR.join(map(_cell, value))
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)


def some_rows(rows: Iterator[tuple[Row, int]], most: int) -> Iterator[tuple[Row, int]]:
    """Up to ``most`` rows, and fewer if they have more than four million characters."""
    first = None
    for row, characters in islice(rows, most):
        yield row, characters
        first = characters if first is None else first
        if characters - first > _CHARACTERS_AT_ONCE:
            return


def check_width(width: int, most: int, name: str) -> None:
    """Refuse a table with too many columns.

    Raises
    ------
    InputError
    """
    if width > most:
        raise InputError(f"{name} has {pluralize(width, 'column')}, more than {most}")
