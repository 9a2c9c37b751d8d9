"""Which of the arrays of a file are images, labels, factors and further columns: for HDF5 and zarr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentlab.data.sources.array_dataset import ArraySource, unlabelled
from latentlab.data.sources.columns import LABEL_NAMES, Column, as_column, interpret
from latentlab.data.sources.lazy_array import LazyImages, StoredArray
from latentlab.data.types import Columns, Labels, LeftOut
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes

_IMAGE_NAMES = ("images", "image", "imgs", "img", "x", "x_train", "train_images", "data", "pixels")
_MAX_FACTORS = 64
_MEMORY_FRACTION = 16
# Burgess & Kim (2018), github.com/google-deepmind/3d-shapes: the file has no names for its six factors.
_SHAPES_3D = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")


@dataclass
class Chosen:
    """The arrays of a file by their use.

    Attributes
    ----------
    key
        Name of the array of images.
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

    key: str
    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    note: str = ""


def image_key(arrays: Mapping[str, StoredArray], name: str) -> str:
    """Name of the array of images: the one named images, x, data or the like, else the only one of 3 or 4 axes.

    Raises
    ------
    InputError
        When there is none, or more than one.
    """
    numeric = {key: array for key, array in arrays.items() if len(array.shape) >= 3 and array.dtype.kind in "buif"}
    by_name = {key.rpartition("/")[2].lower(): key for key in reversed(numeric)}
    found = next((by_name[each] for each in _IMAGE_NAMES if each in by_name), None)
    if found is not None:
        return found
    if len(numeric) == 1:
        return next(iter(numeric))
    held = ", ".join(f"{key} {array.shape}" for key, array in list(arrays.items())[:10]) or "nothing"
    raise InputError(f"{name} has no array named images, and not exactly one of 3 or 4 dimensions (it has {held})")


def choose(
    arrays: Mapping[str, StoredArray], key: str, count: int, check: Callable[[str, StoredArray], None]
) -> Chosen:
    """Read labels, factors and further columns of ``count`` images.

    Parameters
    ----------
    arrays
        All arrays of the file by their path.
    key
        The array of images.
    count
        Number of images.
    check
        Raises `InputError` for an array that must not be read.
    """
    chosen = Chosen(key)
    columns: dict[str, Column] = {}
    for name, array in arrays.items():
        if name == key:
            continue
        reason = _fault(name, array, count, check)
        if reason:
            chosen.left_out.append(LeftOut(name, reason, "array"))
        elif len(array.shape) == 1 or array.shape[1] == 1:
            columns[name] = as_column([_plain(value) for value in np.asarray(array[:]).reshape(-1).tolist()])
        elif array.dtype.kind == "f" and chosen.factors is None:
            chosen.factors = _factors(name, np.asarray(array[:]))
        else:
            columns.update(_factors(name, np.asarray(array[:])))
    meaning = interpret(columns)
    chosen.labels, chosen.classes, chosen.metadata = meaning.labels, meaning.classes, meaning.columns
    chosen.left_out += meaning.left_out
    chosen.note = meaning.note
    return chosen


def source_of_arrays(
    path: Path,
    images: LazyImages,
    chosen: Chosen,
    file_format: str,
    identity: tuple[str | int, ...],
    left_out: list[LeftOut],
) -> ArraySource:
    """The images with what was chosen beside them; ``left_out`` comes before what `choose` left out."""
    return ArraySource(
        images=images,
        labels=unlabelled(len(images)) if chosen.labels is None else chosen.labels,
        classes=chosen.classes,
        item=path.name,
        name=path.stem,
        source=str(path),
        format=file_format,
        cache_identity=identity,
        factors=chosen.factors,
        metadata=chosen.metadata,
        left_out=left_out + chosen.left_out,
        notes=[chosen.note] if chosen.note else [],
    )


def _fault(name: str, array: StoredArray, count: int, check: Callable[[str, StoredArray], None]) -> str:
    """Why an array is not a column; empty for a column."""
    shape = array.shape
    if array.dtype.kind not in "buifSU":
        return f"values of type {array.dtype}"
    if not shape or shape[0] != count or len(shape) > 2:
        return f"an array of shape {list(shape)}, which is not one value per image"
    if len(shape) == 2 and shape[1] > (_MAX_FACTORS if array.dtype.kind in "buif" else 1):
        return f"{shape[1]:,} values per image"
    if count * (shape[1] if len(shape) == 2 else 1) * 100 > available_bytes() // _MEMORY_FRACTION * 16:
        return "too large for the memory"
    try:
        check(name, array)
    except InputError as error:
        return str(error)
    return ""


def _factors(name: str, values: Column) -> Columns:
    base = name.rpartition("/")[2]
    is_shapes = base.lower() in LABEL_NAMES and values.shape[1] == len(_SHAPES_3D) and values.dtype == np.float64
    names = _SHAPES_3D if is_shapes else [f"{base} {number}" for number in range(values.shape[1])]
    return {each: values[:, number].astype(np.float64) for number, each in enumerate(names)}


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
