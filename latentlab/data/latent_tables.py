"""Tables of latents, as ``encode`` writes them and ``decode`` reads them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.sources.table_file import open_table
from latentlab.data.types import UNKNOWN, Labels
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes
from latentlab.utils.path_checks import require_present

_COLUMN = re.compile(r"(mean|z|std)_?(\d+)")
_ARRAYS = ("mean", "z")


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
    """

    z: NDArray[np.float32]
    labels: Labels | None = None
    class_names: tuple[str, ...] = ()
    std: NDArray[np.float32] | None = None
    images: NDArray[np.int64] | None = None


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
        with open_regular(path), np.errstate(over="ignore"):  # what is not finite then is refused
            return _checked(_from_arrays(path), path)
    except UnreadableError as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except (OSError, ValueError, EOFError, TypeError, MemoryError, zipfile.BadZipFile):
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
            raise InputError(f"{path} has no latents named mean or z (arrays: {', '.join(arrays.files) or 'none'})")
        z = _as_latents(arrays[name], f"{name} in {path.name}")
        std = _as_latents(arrays["std"], f"std in {path.name}") if name == "mean" and "std" in arrays.files else None
        if std is not None and std.shape != z.shape:
            raise InputError(f"{path} has means {list(z.shape)} and standard deviations {list(std.shape)}")
        images = np.asarray(arrays["index"]) if "index" in arrays.files else None
        if images is not None and (images.shape != z.shape[:1] or images.dtype.kind not in "iu"):
            images = None
        of_images = Latents(z, std=std, images=None if images is None else images.astype(np.int64))
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
        raise InputError(f"{path} has no columns mean_0, mean_1, … of latents (columns: {', '.join(header[:8])})")
    by_name = "class" in names
    label_column = names.index("class") if by_name else names.index("label") if "label" in names else None
    values: list[list[float]] = []
    labels: list[str] = []
    images: list[str] = []
    image_column = names.index("image") if "image" in names else None
    for number, row in enumerate(rows, start=2):
        try:
            values.append([float(row[column]) for column in (*columns, *std_columns)])
            if image_column is not None:
                images.append(row[image_column].strip())
            if label_column is not None:
                labels.append(row[label_column].strip())
        except (ValueError, IndexError):
            raise InputError(f"{path}: line {number} does not have a number in every column of the latents") from None
    with np.errstate(over="ignore"):  # what is not finite then is refused
        both = np.array(values, np.float32).reshape(len(values), len(columns) + len(std_columns))
    found = Latents(
        both[:, : len(columns)], std=both[:, len(columns) :] if std_columns else None, images=_image_numbers(images)
    )
    if label_column is None:
        return found
    if by_name or not all(re.fullmatch(r"-?\d{1,9}", label) for label in labels if label):
        numbers, class_names = _numbered(labels)
        return found._replace(labels=numbers, class_names=class_names)
    return found._replace(labels=np.array([int(label or UNKNOWN) for label in labels], np.int64))


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
    kind = next((kind for kind in _ARRAYS if kind in found), "")
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
