"""Tables of latents, as ``encode`` writes them and ``decode`` reads them."""

from __future__ import annotations

import csv
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.sources.table_file import open_table
from latentlab.data.types import UNKNOWN, Labels
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes
from latentlab.utils.path_checks import require_present
from latentlab.utils.plain_text import as_line

_COLUMN = re.compile(r"(mean|z|std|latent|umap|tsne|pc)[_ ]?(\d+)")
_ARRAYS = ("mean", "z", "latents", "embedding", "embeddings")
_KINDS = ("mean", "z", "latent", "umap", "tsne", "pc")
_PLACE = ("x", "y")
_PATHS = ("path", "file", "filename", "image_path", "image")
_IMAGES = frozenset({"images", "image", "x_train", "x_test", "arr_0"})
_BESIDE = frozenset({*_PLACE, *_PATHS, "label", "class"})
_LARGEST_START, _LARGEST_FOOTER, _LARGEST_LIST = 1 << 16, 1 << 22, 1 << 16
_ROWS_AT_ONCE = 4096
TABLES = (".npz", ".csv", ".tsv", ".parquet")
"""Names of files that may hold latents with paths of images."""


class Latents(NamedTuple):
    """Latents from a file.

    Attributes
    ----------
    z
        float32 [N, d].
    labels
        int64 [N], index into ``class_names``, −1 where unknown; ``None`` if the file has none.
    class_names
        Empty if the file has only numbers.
    std
        float32 [N, d], standard deviations of the posteriors whose means the latents are; ``None`` if it has none.
    images
        int64 [N], their numbers in the dataset; ``None`` if it does not say.
    paths
        Path of each image as the file has it, N texts; ``None`` if it has none.
    """

    z: NDArray[np.float32]
    labels: Labels | None = None
    class_names: tuple[str, ...] = ()
    std: NDArray[np.float32] | None = None
    images: NDArray[np.int64] | None = None
    paths: tuple[str, ...] | None = None


def is_latent_table(path: Path) -> bool:
    """Whether a file holds latents and no images, by the names of its arrays or columns; little of it is read."""
    kind = path.suffix.lower()
    if kind not in TABLES or not os.path.isfile(path):
        return False
    try:
        with open_regular(path) as file:
            if kind == ".npz":
                names = _array_names(file)
                return not names & _IMAGES and any(name in names for name in _ARRAYS)
            if kind == ".parquet":
                return _has_columns(_parquet_columns(file))
            start = file.read(_LARGEST_START).decode("utf-8-sig", "replace")
    except (UnreadableError, OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False
    header = start.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        names_of_columns = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return False
    return _has_columns([name.strip().lower() for name in names_of_columns])


def _array_names(file: BinaryIO) -> set[str]:
    """Names of the arrays in an archive with a short list of files."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - 22))
    end = file.read(22)
    if not end.startswith(b"PK\x05\x06") or int.from_bytes(end[12:16], "little") > _LARGEST_LIST:
        return set()
    with zipfile.ZipFile(file) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def _parquet_columns(file: BinaryIO) -> list[str]:
    """Names in the footer of a Parquet file, columns among them, without a library that takes long to import."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - 8))
    end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != b"PAR1" or not 0 < length <= min(size, _LARGEST_FOOTER):
        return []
    file.seek(size - 8 - length)
    names: list[str] = [
        text.decode().lower() for text in re.findall(rb"[A-Za-z_][A-Za-z0-9_ ]{0,40}", file.read(length))
    ]
    return (
        []
        if "bytes" in names
        else [name for name in names if name in _BESIDE or _COLUMN.fullmatch(name)]
        + [name for name in names if name in _ARRAYS]
    )


def _has_columns(names: Sequence[str]) -> bool:
    """Whether columns are those of latents, or of places [x, y] with nothing else that is not known."""
    if any((match := _COLUMN.fullmatch(name)) and match[1] in _KINDS and match[2] in ("0", "1") for name in names):
        return True
    if any(name in _ARRAYS[2:] for name in names):
        return True
    return set(_PLACE) <= set(names) <= _BESIDE


def read_latents(path: Path) -> Latents:
    """Read latents: a file that ``encode`` or ``decode`` wrote, another table with such columns, or ``.npy``.

    A ``.npz`` file has the latents as ``mean`` or ``z``, with ``label`` and ``class_names`` beside them if there are
    any. A table has the columns ``mean_0``, ``mean_1``… or ``z_0``, ``z_1``…, and ``class`` or ``label``; or nothing
    but numbers. ``std`` and the numbers of the images (``index``, in a table ``image``) are read if they are complete.
    A ``.npy`` file has the latents [N, d], or one latent [d].

    Raises
    ------
    InputError
        In one sentence: there is no such file, or it has no latents.
    """
    require_present(path)
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            return _checked(_from_table(path), path)
        if path.suffix.lower() == ".parquet":
            return _checked(_from_parquet(path), path)
        with open_regular(path), np.errstate(over="ignore"):  # what is not finite then is refused
            return _checked(_from_arrays(path), path)
    except UnreadableError as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except (OSError, ValueError, EOFError, TypeError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"{path} does not hold latents: an .npy, .npz or .csv file with latents [N, d]") from None


def _checked(latents: Latents, path: Path) -> Latents:
    if not latents.z.size:
        raise InputError(f"{path} has no latents: it is empty")
    bad = np.flatnonzero(~np.isfinite(latents.z).all(axis=1))
    if len(bad):
        raise InputError(f"latent {bad[0] + 1:,} of {len(latents.z):,} in {path} has a value that is not finite")
    return latents


def _from_arrays(path: Path) -> Latents:
    if path.suffix.lower() != ".npz":
        return Latents(_as_latents(np.load(path, mmap_mode="r", allow_pickle=False), path.name))
    check_size(path)
    with np.load(path, allow_pickle=False) as arrays:
        name = next((name for name in _ARRAYS if name in arrays.files), None)
        if name is None:
            raise InputError(
                f"{path} has no latents named mean or z (arrays: {as_line(', '.join(arrays.files)) or 'none'})"
            )
        z = _as_latents(arrays[name], f"{name} in {path.name}")
        std = _as_latents(arrays["std"], f"std in {path.name}") if name == "mean" and "std" in arrays.files else None
        if std is not None and std.shape != z.shape:
            raise InputError(f"{path} has means {list(z.shape)} and standard deviations {list(std.shape)}")
        images = np.asarray(arrays["index"]) if "index" in arrays.files else None
        if images is not None and (images.shape != z.shape[:1] or images.dtype.kind not in "iu"):
            images = None
        paths = _paths_in(arrays, len(z))
        of_images = Latents(z, std=std, images=None if images is None else images.astype(np.int64), paths=paths)
        if "label" not in arrays.files:
            return of_images
        labels = np.asarray(arrays["label"])
        class_names = tuple(map(str, arrays["class_names"].tolist())) if "class_names" in arrays.files else ()
    if labels.shape != z.shape[:1]:
        raise InputError(f"{path} has {len(z)} latents and labels of shape {list(labels.shape)}")
    if labels.dtype.kind == "U":
        numbers, names = _numbered(labels.tolist())
        return of_images._replace(labels=numbers, class_names=names)
    if labels.dtype.kind not in "iu":
        raise InputError(f"the labels in {path} are {labels.dtype}: they must be whole numbers or names")
    if class_names and labels.size and labels.max() >= len(class_names):
        raise InputError(f"{path} has the label {labels.max()} and {len(class_names)} class names")
    return of_images._replace(labels=labels.astype(np.int64), class_names=class_names)


def _paths_in(arrays: Any, count: int) -> tuple[str, ...] | None:
    """The paths in an ``.npz`` file, if each latent has one."""
    name = next((name for name in _PATHS if name in arrays.files), None)
    paths = None if name is None else np.asarray(arrays[name])
    if paths is None or paths.dtype.kind != "U" or paths.shape != (count,):
        return None
    return tuple(map(str, paths.tolist()))


def _from_parquet(path: Path) -> Latents:
    """Latents of a Parquet file: columns of numbers, or one of lists of equal length."""
    try:
        pq: Any = import_module("pyarrow.parquet")
        arrow: Any = import_module("pyarrow")
    except ImportError:
        raise InputError('pyarrow is not installed; install it with pip install "latentlab[hf]"') from None
    try:
        with pq.ParquetFile(path) as file:
            names = {name.lower(): name for name in file.schema_arrow.names}
            columns, stds = _latent_columns(list(names))
            listed = [name for name in _ARRAYS if name in names] if not columns else []
            ordered = list(names.values())
            chosen = listed[:1] or [ordered[column] for column in columns]
            if not chosen:
                raise InputError(f"{path} has no columns of latents (columns: {as_line(', '.join(ordered[:8]))})")
            beside = [names[name] for name in (*_PATHS, "class", "label") if name in names]
            wanted = [*chosen, *(ordered[column] for column in stds), *beside]
            batches = _batches(file, list(dict.fromkeys(wanted)), path)
            if not batches:
                raise InputError(f"{path} has no latents: it is empty")
            table = arrow.Table.from_batches(batches)
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path} cannot be read: {reason[:200]}") from None
    held = {name.lower(): table.column(name) for name in table.column_names}
    if listed:
        z = _listed(held[listed[0]], path)
    else:
        z = np.stack([np.asarray(held[name.lower()].to_numpy(), np.float32) for name in chosen], axis=1)
    std = [held[ordered[column].lower()].to_numpy() for column in stds]
    texts = {name: tuple("" if text is None else str(text) for text in held[name].to_pylist()) for name in held
             if name in (*_PATHS, "class", "label")}  # fmt: skip
    found = Latents(z, std=np.stack(std, axis=1).astype(np.float32) if std else None)
    paths = next((texts[name] for name in _PATHS if name in texts), None)
    labels = texts.get("class", texts.get("label"))
    return _with_labels(found._replace(paths=paths), labels, "class" in texts)


def _batches(file: Any, columns: list[str], path: Path) -> list[Any]:
    """Rows in parts, whose size is counted as they unpack: a footer may say less."""
    batches, size, most = [], 0, available_bytes() // 4
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
        size += batch.nbytes
        if size > most:
            raise InputError(f"{path} does not fit in memory")
        batches.append(batch)
    return batches


def _listed(column: Any, path: Path) -> NDArray[np.float32]:
    """Lists of numbers of equal length as [N, d]."""
    rows = column.combine_chunks()
    values = np.asarray(rows.flatten().to_numpy(zero_copy_only=False), np.float32)
    lengths = {len(row) if row is not None else 0 for row in rows.to_pylist()[:1]} or {0}
    width = lengths.pop()
    if not width or values.size != width * len(rows):
        raise InputError(f"{path} has latents of different lengths")
    return values.reshape(len(rows), width)


def _with_labels(found: Latents, labels: Sequence[str] | None, by_name: bool) -> Latents:
    """Latents with labels that are numbers, or names to be numbered."""
    if labels is None:
        return found
    if by_name or not all(re.fullmatch(r"-?\d{1,9}", label) for label in labels if label):
        numbers, class_names = _numbered(labels)
        return found._replace(labels=numbers, class_names=class_names)
    return found._replace(labels=np.array([int(label or UNKNOWN) for label in labels], np.int64))


def check_size(path: Path) -> None:
    """Refuse an ``.npz`` file whose arrays are larger than the memory that is available.

    Raises
    ------
    InputError
        Names the file.
    """
    with zipfile.ZipFile(path) as archive:
        needed = sum(info.file_size for info in archive.infolist())
    if needed > available_bytes():
        raise InputError(f"{path} does not fit in memory")


def _as_latents(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Latents [N, d] of an array; one latent [d] is a row."""
    if values.ndim == 1:
        values = values[None]
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise InputError(f"{name} is {values.dtype} {list(values.shape)}, and latents are numbers [N, d]")
    return np.asarray(values, dtype=np.float32)


def _from_table(path: Path) -> Latents:
    rows = table_rows(path)
    header = next(rows, None)
    if header is None:
        raise InputError(f"{path} is empty")
    names = [name.strip().lower() for name in header]
    columns, std_columns = _latent_columns(names)
    if not columns and all(map(_is_number, header)):
        columns, rows = list(range(len(header))), chain([header], rows)
    if not columns:
        raise InputError(
            f"{path} has no columns mean_0, mean_1, … of latents (columns: {as_line(', '.join(header[:8]))})"
        )
    by_name = "class" in names
    label_column = names.index("class") if by_name else names.index("label") if "label" in names else None
    values: list[list[float]] = []
    labels: list[str] = []
    images: list[str] = []
    paths: list[str] = []
    image_column = names.index("image") if "image" in names else None
    path_column = next((names.index(name) for name in _PATHS if name in names), None)
    for number, row in enumerate(rows, start=2):
        try:
            values.append([float(row[column]) for column in (*columns, *std_columns)])
            if image_column is not None:
                images.append(row[image_column].strip())
            if path_column is not None:
                paths.append(row[path_column])
            if label_column is not None:
                labels.append(row[label_column].strip())
        except (ValueError, IndexError):
            raise InputError(f"{path}: line {number} does not have a number in every column of the latents") from None
    with np.errstate(over="ignore"):  # what is not finite then is refused
        both = np.array(values, np.float32).reshape(len(values), len(columns) + len(std_columns))
    found = Latents(
        both[:, : len(columns)], std=both[:, len(columns) :] if std_columns else None, images=_image_numbers(images)
    )
    if paths:
        found = found._replace(paths=tuple(paths))
    return _with_labels(found, None if label_column is None else labels, by_name)


def _image_numbers(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """The numbers of images; ``None`` if the column holds anything else, such as names."""
    if not texts or not all(re.fullmatch(r"\d{1,18}", text) for text in texts):
        return None
    return np.array([int(text) for text in texts], np.int64)


def table_rows(path: Path) -> Iterator[Sequence[str]]:
    """The rows of a table that is not empty, its header first.

    Raises
    ------
    InputError, UnreadableError
        When it is not a table.
    """
    opening = open_table(path)
    while True:
        try:
            next(opening)
        except StopIteration as end:
            table = end.value
            break
    for row, _ in table.rows():
        yield row


def _latent_columns(names: Sequence[str]) -> tuple[list[int], list[int]]:
    """The columns of the latents in the order of their numbers, which may begin with 0 or 1; and those of ``std``.

    Standard deviations belong to means, and are read only if each mean has one.
    """
    found: dict[str, dict[int, int]] = {}
    for column, name in enumerate(names):
        match = _COLUMN.fullmatch(name)
        if match:
            found.setdefault(match[1], {})[int(match[2])] = column
    kind = next((kind for kind in _KINDS if kind in found), "")
    if not kind and set(_PLACE) <= set(names):
        return [names.index(name) for name in _PLACE], []
    columns, stds = found.get(kind, {}), found.get("std", {})
    numbers = sorted(columns)
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise InputError(f"a column of the latents is missing: there are only the numbers {numbers[:8]}")
    has_std = kind == "mean" and sorted(stds) == numbers
    return [columns[number] for number in numbers], [stds[number] for number in numbers] if has_std else []


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbered(names: Sequence[str]) -> tuple[Labels, tuple[str, ...]]:
    """Labels and class names of the class of each latent; an empty name is unknown."""
    class_names = tuple(sorted({name for name in names if name}))
    numbers = {name: number for number, name in enumerate(class_names)}
    return np.array([numbers.get(name, UNKNOWN) for name in names], np.int64), class_names
