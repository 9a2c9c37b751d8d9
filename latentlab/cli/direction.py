"""``latentlab direction``: a direction between groups of images, or along a column."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.cli.console import write_json, write_line, write_note, write_table
from latentlab.cli.encode_decode import output_path
from latentlab.cli.open_data import model_and_data
from latentlab.data import Dataset
from latentlab.data.images.image_file import UnreadableError
from latentlab.data.latent_tables import table_rows
from latentlab.data.sources.path_list import read_path_list
from latentlab.errors import InputError
from latentlab.latent.directions import Direction, regression_direction
from latentlab.latent.directions import direction as between
from latentlab.storage import atomic_write
from latentlab.storage.outputs import check_output
from latentlab.utils.path_checks import require_present
from latentlab.utils.text import pluralize

Rows = NDArray[np.bool_]

_SCORES = ("cohens_d", "random_cohens_d", "accuracy", "random_spread", "p_value", "r2")


def direction(arguments: argparse.Namespace) -> int:
    """Write the direction, and report how well it separates the groups."""
    out = output_path(arguments.out, (".npz",))
    lists = [path for path in (arguments.from_list, arguments.to_list) if path is not None]
    check_output(out, arguments.model, *lists, data=arguments.data)
    _check_choice(arguments)
    listed = [_listed_names(path) for path in lists]
    model, dataset, labels = model_and_data(arguments)
    mean, _ = model.encode(dataset.images, labels)
    seed = arguments.seed
    if arguments.column is not None and arguments.from_class is None:
        found = _along_column(dataset, arguments.column, mean, seed)
    else:
        start, end = _groups(arguments, dataset, listed)
        found = between(mean[end], mean[start], seed=seed)
    if not found.scores:
        write_note(
            "latentlab: no scores: a group of one image cannot be divided into images that find the direction "
            "and images that test it"
        )
    if model.module.classes and arguments.column is None:
        write_note(
            "latentlab: the model's encoder is given the class of each image: where the groups differ in class, the "
            "scores say nothing about the images"
        )
    arrays = {"vector": found.vector, "origin": found.origin, **{name: getattr(found, name) for name in _SCORES}}
    atomic_write(out, lambda file: np.savez(file, **arrays))
    _report(arguments, out, found)
    return 0


def _check_choice(arguments: argparse.Namespace) -> None:
    """Refuse anything but one way to say what the direction is between."""
    by_class = arguments.from_class is not None or arguments.to_class is not None
    by_list = arguments.from_list is not None or arguments.to_list is not None
    ways = (by_class or arguments.column is not None) + by_list
    if ways != 1:
        raise InputError("give --from and --to, or --column, or --from-list and --to-list")
    if by_class and None in (arguments.from_class, arguments.to_class):
        raise InputError("--from and --to must be given together")
    if by_list and None in (arguments.from_list, arguments.to_list):
        raise InputError("--from-list and --to-list must be given together")


def _groups(arguments: argparse.Namespace, dataset: Dataset, listed: list[list[str]]) -> tuple[Rows, Rows]:
    """The images that the direction leads from, and those that it leads to."""
    if listed:
        first, second = (
            _listed_rows(dataset, path, names)
            for path, names in zip((arguments.from_list, arguments.to_list), listed, strict=True)
        )
        return _without_shared(first, second)
    if arguments.column is not None:
        values = _column(dataset, arguments.column)
        first, second = (_with_value(values, arguments.column, each) for each in _ends(arguments))
    else:
        first, second = (_of_class(dataset, each) for each in _ends(arguments))
    return first, second


def _without_shared(first: Rows, second: Rows) -> tuple[Rows, Rows]:
    """Both groups without the images that are in both: they say nothing about the difference."""
    shared: Rows = first & second
    count = int(shared.sum())
    if not count:
        return first, second
    if not (first & ~shared).any() or not (second & ~shared).any():
        raise InputError("all images of one of the lists are in the other: there is no direction between them")
    write_note(f"latentlab: {pluralize(count, 'image')} in both lists left out")
    return first & ~shared, second & ~shared


def _ends(arguments: argparse.Namespace) -> tuple[str, str]:
    return arguments.from_class, arguments.to_class


def _of_class(dataset: Dataset, text: str) -> Rows:
    classes = dataset.classes
    if text in classes:
        number = classes.index(text)
    elif text.isdecimal() and int(text) < len(classes):
        number = int(text)
    else:
        raise InputError(f"{dataset.name} has no class {text!r}; its classes are: {', '.join(classes) or 'none'}")
    rows: Rows = dataset.labels == number
    if not rows.any():
        raise InputError(f"{dataset.name} has no image of the class {text!r}")
    return rows


def _column(dataset: Dataset, name: str) -> NDArray[Any]:
    columns = {**(dataset.factors or {}), **dataset.metadata}
    if name not in columns:
        raise InputError(f"{dataset.name} has no column {name!r} (columns: {', '.join(columns) or 'none'})")
    return np.asarray(columns[name])


def _with_value(values: NDArray[Any], name: str, text: str) -> Rows:
    if values.dtype.kind in "USO":
        rows = values.astype(str) == text
    else:
        try:
            rows = values == float(text)
        except ValueError:
            raise InputError(f"the column {name} has numbers, and {text!r} is none") from None
    if not rows.any():
        raise InputError(f"no image has {text!r} in the column {name}")
    return np.asarray(rows, bool)


def _along_column(dataset: Dataset, name: str, mean: NDArray[np.float32], seed: int) -> Direction:
    """By regression on numbers; a column of two texts is that of two groups, in the order of the alphabet."""
    values = _column(dataset, name)
    if values.dtype.kind not in "USO":
        numbers = values.astype(np.float64)
        unknown = int((~np.isfinite(numbers)).sum())
        if unknown:
            write_note(f"latentlab: {pluralize(unknown, 'image')} without a number in {name} left out")
        return regression_direction(mean, numbers, seed=seed)
    texts = values.astype(str)
    distinct = [text for text in np.unique(texts).tolist() if text]
    if len(distinct) != 2:
        raise InputError(
            f"the column {name} has {pluralize(len(distinct), 'text')}: choose two of them by --from and --to"
        )
    return between(mean[texts == distinct[1]], mean[texts == distinct[0]], seed=seed)


def _listed_names(path: str) -> list[str]:
    require_present(path)
    if Path(path).suffix.lower() in (".csv", ".tsv"):
        return _names_in_table(Path(path))
    reading = read_path_list(Path(path))
    while True:
        try:
            next(reading)
        except StopIteration as end:
            lines: list[tuple[str, str]] = end.value
            return [name for name, _ in lines]


def _names_in_table(path: Path) -> list[str]:
    """The column ``path`` of a table, such as a selection that the window exported."""
    try:
        rows = table_rows(path)
        header = [name.strip().lower() for name in next(rows, [])]
        if "path" not in header:
            raise InputError(f"{path} has no column named path (columns: {', '.join(header[:8]) or 'none'})")
        column = header.index("path")
        return [row[column] for row in rows if len(row) > column]
    except UnreadableError as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _listed_rows(dataset: Dataset, path: str, names: list[str]) -> Rows:
    """The images of a list: by their names in the dataset, or as files, relative to the list's folder."""
    index = {name: row for row, name in enumerate(dataset.paths)}
    if dataset.folder is not None:
        folder = Path(dataset.folder)
        index |= {str((folder / name).absolute()): row for name, row in list(index.items())}
    rows = np.zeros(len(dataset), bool)
    absent = 0
    for name in names:
        row = index.get(name, index.get(str((Path(path).parent / name).absolute())))
        if row is None:
            absent += 1
        else:
            rows[row] = True
    if not rows.any():
        raise InputError(f"none of the images in {path} is in {dataset.name}, whose first is {dataset.paths[0]}")
    if absent:
        write_note(f"latentlab: {pluralize(absent, 'image')} of {path} not in {dataset.name}")
    return rows


def _report(arguments: argparse.Namespace, out: Path, found: Direction) -> None:
    to, start = found.counts
    if arguments.json:
        scores = {name: _as_json(getattr(found, name)) for name in _SCORES}
        write_json(scores | {"length": found.length, "images": {"from": start, "to": to}, "out": str(out)})
        return
    write_table({name: f"{value:.3f}" for name, value in found.scores.items()})
    write_line(f"{out}: the direction, of length {found.length:.3f}, from {start:,} to {pluralize(to, 'image')}")


def _as_json(value: float) -> float | None:
    return value if math.isfinite(value) else None
