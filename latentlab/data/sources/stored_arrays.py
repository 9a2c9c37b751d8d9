"""Which of the arrays of a file are images, labels, factors, splits and further columns: for HDF5 and zarr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.data.sources.array_dataset import ArraySource, ImageArray, unlabelled
from latentlab.data.sources.array_layout import layout_of
from latentlab.data.sources.columns import Column, as_column, interpret
from latentlab.data.sources.lazy_array import LazyImages, SplitImages, StoredArray
from latentlab.data.sources.shapes_3d import names_of_factors
from latentlab.data.sources.splits import split_in_name, split_name
from latentlab.data.types import TEST, TRAIN, UNLABELLED, VALIDATION, Columns, Labels, LeftOut
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes

_IMAGE_NAMES = ("images", "image", "imgs", "img", "x", "data", "pixels")
_SPLITS = (TRAIN, VALIDATION, TEST, UNLABELLED)
_WHOLE = ""  # in place of a split: an array for all images
_MAX_FACTORS = 64
_BYTES_PER_VALUE = 100  # of memory while a column is read

Check = Callable[[str, StoredArray], None]
"""Raises `InputError` for an array that must not be read."""


@dataclass
class Beside:
    """What a file says about its images.

    Attributes
    ----------
    labels, classes
        int64 [N] into the class names; ``None`` when there are none.
    factors
        Columns of an array [N, k] of labels; ``None`` when there is none.
    metadata
        Arrays of one value per image.
    left_out
        The others.
    note
        A sentence for the user when the labels are not simply classes.
    """

    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class _Part:
    """An array with values for some of the images."""

    name: str
    array: StoredArray
    rows: slice


def image_keys(arrays: Mapping[str, StoredArray], name: str, chosen: str = "") -> dict[str, str]:
    """Names of the arrays of images by split; of one array for all images the split is empty.

    It is the array named images, x, data or the like; several such arrays with the name of a split in theirs
    (``x_train``, ``test/images``); or the only one of 3 or 4 axes.

    Parameters
    ----------
    arrays
        All arrays of the file by their path.
    name
        Of the file, for messages.
    chosen
        The array to use; empty to find it.

    Raises
    ------
    InputError
        When there is none, or it is not clear which.
    """
    numeric = [key for key, array in arrays.items() if len(array.shape) >= 3 and array.dtype.kind in "buif"]
    if chosen:
        found = {key.strip("/"): key for key, array in arrays.items() if array.dtype.kind in "buif"}
        if chosen.strip("/") in found:
            return {_WHOLE: found[chosen.strip("/")]}
        raise InputError(f"{name} has no array of numbers named {chosen} (it has {_held(arrays)})")
    plain: dict[str, str] = {}
    by_split: dict[str, dict[str, str]] = {}
    for key in numeric:
        split, base = _split_and_name(key)
        if split is None:
            plain.setdefault(base, key)
        else:
            by_split.setdefault(base, {}).setdefault(split, key)
    for base in _IMAGE_NAMES:
        if base in plain:
            return {_WHOLE: plain[base]}
        if base in by_split:
            return _in_order(by_split[base])
    if len(numeric) == 1:
        return {_WHOLE: numeric[0]}
    if not plain and len(by_split) == 1:
        return _in_order(next(iter(by_split.values())))
    raise InputError(
        f"{name} has no array named images, and not exactly one of 3 or 4 dimensions (it has {_held(arrays)}); "
        f"choose one by adding :NAME to the file's name"
    )


def source_of_arrays(
    path: Path,
    arrays: Mapping[str, StoredArray],
    images: Mapping[str, LazyImages],
    keys: Mapping[str, str],
    check: Check,
    file_format: str,
    identity: tuple[str | int, ...],
    left_out: list[LeftOut],
    chosen: str = "",
) -> ArraySource:
    """The images with the labels, factors and columns beside them.

    Parameters
    ----------
    path, file_format, identity
        The file, the name of its format, and what identifies its content in the cache.
    arrays, images, keys
        All arrays by their path, the images by split, and the names of their arrays as from `image_keys`.
    check
        For the other arrays.
    left_out
        What was left out before.
    chosen
        The array that was asked for by its name; empty if none was.
    """
    left_out, notes, first = [*left_out], [], next(iter(images.values()))
    usable = {split: each for split, each in images.items() if each.shape[1:] == first.shape[1:]}
    for split in images.keys() - usable.keys():
        left_out.append(LeftOut(keys[split], "its images have another size than the first ones", "array"))
    counts = {split: len(each) for split, each in usable.items()}
    whole: ImageArray = first if len(usable) == 1 else SplitImages(list(usable.values()))
    beside = _beside(arrays, keys, counts, first, check)
    splits = None
    if len(usable) > 1:
        splits = np.repeat(np.array(list(counts), dtype=np.str_), list(counts.values()))
        notes.append(f"the splits of the file are kept: {', '.join(f'{n:,} {split}' for split, n in counts.items())}")
    return ArraySource(
        images=whole,
        labels=unlabelled(len(whole)) if beside.labels is None else beside.labels,
        classes=beside.classes,
        item=path.name,
        name=path.stem,
        source=f"{path}:{chosen}" if chosen else str(path),
        format=file_format,
        cache_identity=(*identity, *keys.values()),
        factors=beside.factors,
        metadata=beside.metadata,
        splits=splits,
        left_out=left_out + beside.left_out,
        notes=[*notes, beside.note] if beside.note else notes,
    )


def _beside(
    arrays: Mapping[str, StoredArray],
    keys: Mapping[str, str],
    counts: Mapping[str, int],
    images: LazyImages,
    check: Check,
) -> Beside:
    """Read labels, factors and further columns of the images."""
    found = Beside()
    total = sum(counts.values())
    columns: dict[str, Column] = {}
    for title, parts in _columns(arrays, keys, counts, check, found.left_out).items():
        try:
            values = [np.asarray(part.array[:]) for part in parts]
        except InputError as error:
            found.left_out.append(LeftOut(parts[0].name, str(error), "array"))
            continue
        if values[0].ndim == 1 or values[0].shape[1] == 1:
            column: list[Any] = [None] * total
            for part, some in zip(parts, values, strict=True):
                column[part.rows] = [_plain(value) for value in some.reshape(-1).tolist()]
            columns[title] = as_column(column)
            continue
        matrix = np.full((total, values[0].shape[1]), np.nan)
        for part, some in zip(parts, values, strict=True):
            matrix[part.rows] = some
        names = names_of_factors(title, matrix, images.shape[1:], images.dtype)
        of_matrix = {name: matrix[:, number] for number, name in enumerate(names)}
        if values[0].dtype.kind == "f" and found.factors is None:
            found.factors = of_matrix
        else:
            columns.update(of_matrix)
    meaning = interpret(columns)
    found.labels, found.classes, found.metadata = meaning.labels, meaning.classes, meaning.columns
    found.left_out += meaning.left_out
    found.note = meaning.note
    return found


def _columns(
    arrays: Mapping[str, StoredArray],
    keys: Mapping[str, str],
    counts: Mapping[str, int],
    check: Check,
    left_out: list[LeftOut],
) -> dict[str, list[_Part]]:
    """The arrays that are columns, by title; those of the splits belong together."""
    starts = dict(zip(counts, np.cumsum([0, *counts.values()]).tolist(), strict=False))
    total = sum(counts.values())
    found: dict[str, list[_Part]] = {}
    for name, array in arrays.items():
        if name in keys.values():
            continue
        split, base = _split_and_name(name) if len(counts) > 1 else (None, name)
        title = name if split not in counts else base
        count = counts.get(split or _WHOLE, total)
        start = starts.get(split, 0) if split is not None else 0
        others = found.get(title, [])
        reason = _fault(name, array, count, check, next(iter(keys.values())))
        if not reason and others and array.shape[1:] != others[0].array.shape[1:]:
            reason = f"another number of values per image than {others[0].name}"
        if reason:
            left_out.append(LeftOut(name, reason, "array"))
        else:
            found.setdefault(title, []).append(_Part(name, array, slice(start, start + count)))
    return found


def _split_and_name(key: str) -> tuple[str | None, str]:
    """The split that an array is of, by its name or its folders', and the rest of its name.

    Examples
    --------
    >>> _split_and_name("x_train"), _split_and_name("test/images"), _split_and_name("a/images")
    (('train', 'x'), ('test', 'images'), (None, 'images'))
    """
    *folders, last = key.split("/")
    split, base = split_in_name(last)
    if split is None:
        split = next((found for folder in reversed(folders) if (found := split_name(folder))), None)
    return split, base


def _in_order(by_split: Mapping[str, str]) -> dict[str, str]:
    """The splits in their usual order; a single one is all images."""
    if len(by_split) == 1:
        return {_WHOLE: next(iter(by_split.values()))}
    return {split: by_split[split] for split in _SPLITS if split in by_split}


def _held(arrays: Mapping[str, StoredArray]) -> str:
    return ", ".join(f"{key} {array.shape}" for key, array in list(arrays.items())[:10]) or "nothing"


def _fault(name: str, array: StoredArray, count: int, check: Check, images: str) -> str:
    """Why an array is not a column; empty for a column."""
    shape = array.shape
    if array.dtype.kind not in "buifSUT":
        return f"values of type {array.dtype}"
    if array.dtype.kind in "buif" and len(shape) > 2 and layout_of(shape):
        return f"the images are taken from {images}; choose these by adding :{name} to the file's name"
    if not shape or shape[0] != count or len(shape) > 2:
        return f"an array of shape {list(shape)}, which is not one value per image"
    width = shape[1] if len(shape) == 2 else 1
    if not 1 <= width <= (_MAX_FACTORS if array.dtype.kind in "buif" else 1):
        return f"{width:,} values per image"
    return _fault_of_size(name, array, count * width, check)


def _fault_of_size(name: str, array: StoredArray, values: int, check: Check) -> str:
    if values * _BYTES_PER_VALUE > available_bytes():
        return "too large for the memory"
    try:
        check(name, array)
    except InputError as error:
        return str(error)
    return ""


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
