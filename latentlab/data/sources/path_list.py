"""A text file of paths: images with optional labels, or folders and dataset files that are one dataset."""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import partial
from pathlib import Path

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.archive import folders_of_names, labels_of_names
from latentlab.data.sources.array_dataset import cache_identity, unlabelled
from latentlab.data.sources.class_folders import split_folders
from latentlab.data.sources.columns import as_column, meaning_of_column
from latentlab.data.sources.items import ImageItems
from latentlab.data.sources.scan import printable
from latentlab.data.sources.values import Meaning
from latentlab.data.types import LeftOut, LoadProgress, Splits
from latentlab.errors import InputError
from latentlab.utils.file_formats import FILE_PATTERNS
from latentlab.utils.memory import available_bytes, format_bytes

_BYTES_PER_CHARACTER = 8  # of memory, for a line of usual length
_LINES_AT_ONCE = 2_000
_MAX_SOURCES = 1_000
_DATASETS = frozenset(Path(pattern).suffix for patterns in FILE_PATTERNS.values() for pattern in patterns)


def is_path_list(path: Path) -> bool:
    """Whether a file is a list of paths, by its name."""
    return path.suffix.lower() in (".txt", ".lst", ".list")


def read_path_list(path: Path) -> Generator[LoadProgress, None, list[tuple[str, str]]]:
    """Read the paths, one a line, and the labels that follow a tab; empty lines and those with # are comments.

    Raises
    ------
    InputError
        When the file is not text in UTF-8, is too large or names nothing.
    """
    lines: list[tuple[str, str]] = []
    try:
        with open_regular(path) as file:
            size, limit = os.fstat(file.fileno()).st_size, available_bytes() // _BYTES_PER_CHARACTER
            if size > limit:
                raise InputError(
                    f"{path.name} has {format_bytes(size)}, more than the limit of {format_bytes(limit)} on this "
                    "machine"
                )
            for number, line in enumerate(file):
                text = line.decode("utf-8-sig" if number == 0 else "utf-8").strip()
                if text and not text.startswith("#"):
                    entry, _, label = text.partition("\t")
                    lines.append((entry.strip(), label.strip()))
                if number % _LINES_AT_ONCE == 0:
                    yield LoadProgress(number, None, f"Reading {path.name}")
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not a list of paths: it is not UTF-8 text") from None
    if not lines or any("\0" in entry for entry, _ in lines):
        raise InputError(f"{path.name} is not a list of paths: " + ("it has zero bytes" if lines else "it is empty"))
    return lines


def listed_sources(path: Path, lines: list[tuple[str, str]]) -> list[Path]:
    """The listed folders and dataset files if the first line is one; empty for a list of images.

    Raises
    ------
    InputError
        When there are too many.
    """
    first = path.parent / lines[0][0]
    if not os.path.isdir(first) and first.suffix.lower() not in _DATASETS:
        return []
    if len(lines) > _MAX_SOURCES:
        raise InputError(f"{path.name} lists {len(lines):,} folders or datasets, more than {_MAX_SOURCES:,}")
    return [path.parent / entry for entry, _ in lines]


def listed_items(path: Path, lines: list[tuple[str, str]]) -> Generator[LoadProgress, None, ImageItems]:
    """The listed images, relative to the list's folder; those that do not exist are left out.

    Labels are those in the list; without any, the folders in the paths give them.
    """
    names: list[str] = []
    labels: list[str] = []
    states: list[str] = []
    left_out: list[LeftOut] = []
    seen: set[str] = set()
    for number, (entry, label) in enumerate(lines):
        if number % _LINES_AT_ONCE == 0:
            yield LoadProgress(number, len(lines), "Looking for images")
        if entry in seen:
            left_out.append(LeftOut(printable(entry), f"listed twice in {path.name}", "row"))
            continue
        seen.add(entry)
        try:
            status = os.stat(path.parent / entry)
        except (OSError, ValueError) as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
            left_out.append(LeftOut(printable(entry), f"in {path.name}, but {reason}", "row"))
            continue
        names.append(entry)
        labels.append(label)
        states.append(f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}")
    if not names:
        first = left_out[0]
        raise InputError(f"{path.name} is not a list of images: none of its paths exists, for instance {first.path}")
    progress = LoadProgress(len(lines), len(lines), "Looking for images")
    meaning, splits = yield from run_in_thread(partial(_meaning, names, labels), progress)
    return ImageItems(
        names=names,
        labels=unlabelled(len(names)) if meaning.labels is None else meaning.labels,
        classes=meaning.classes,
        name=path.stem,
        source=str(path),
        place=path.name,
        cache_identity=(*cache_identity(path), "\0".join(states)),
        folder=str(path.parent),
        left_out=left_out + meaning.left_out,
        metadata=meaning.columns,
        splits=splits,
        notes=[meaning.note] if meaning.note else [],
    )


def _meaning(names: list[str], labels: list[str]) -> tuple[Meaning, Splits | None]:
    """Labels and further columns by the list, else by the folders in the names; and the splits by these."""
    meaning = meaning_of_column("label", as_column(labels)) if any(labels) else Meaning()
    if meaning.labels is None:
        meaning.labels, meaning.classes = labels_of_names(names)
    return meaning, split_folders(folders_of_names(names))
