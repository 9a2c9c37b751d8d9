"""Files of several named arrays (``.npz``, ``.mat``): which are the images, labels, factors, splits and columns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.data.sources.array_dataset import ArraySource, cache_identity, unlabelled
from latentlab.data.sources.array_layout import as_images, layout_note, layout_of
from latentlab.data.sources.splits import split_in_name
from latentlab.data.sources.values import Meaning, meaning_of_matrix, meaning_of_numbers, meaning_of_texts, text_array
from latentlab.data.types import TEST, TRAIN, UNKNOWN, UNLABELLED, VALIDATION, Columns, Labels, LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes
from latentlab.utils.text import pluralize

_IMAGE_NAMES = ("images", "image", "imgs", "img", "x", "data", "arr_0")
_LABEL_NAMES = ("labels", "label", "y", "targets", "target", "arr_1", "fine_labels")
_CLASS_NAMES = ("class_names", "classes", "label_names", "fine_label_names", "target_names", "classnames", "names")
# In the order in which they are used: dSprites has the same factors as values and as numbers.
_FACTOR_NAMES = ("latents_values", "latents", "factors", "factor_values", "gt_factors", "latents_classes")
_NAMES_OF_FACTORS = ("latents_names", "factor_names", "factors_names")
_DSPRITES = ("color", "shape", "scale", "orientation", "posX", "posY")
_SPLITS = (TRAIN, VALIDATION, TEST, UNLABELLED)
_MOST_COLUMNS = 64  # of one array
_WHOLE = ""  # in place of a split: an array for all images

Read = Callable[[str], Generator[LoadProgress, None, NDArray[Any]]]


class Member(NamedTuple):
    """An array that has not been read.

    Attributes
    ----------
    shape, dtype
        Of the array.
    problem
        Why it cannot be read; empty if it can.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    problem: str = ""


@dataclass
class _Content:
    """What the arrays of a file are.

    Attributes
    ----------
    images
        Names of the arrays of images, by split.
    counts
        Number of images of each of them.
    arrays
        Names of the other arrays by base name and split.
    """

    images: dict[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    arrays: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def source_from_members(
    path: Path, members: Mapping[str, Member], read: Read, format: str, chosen: str = ""
) -> Generator[LoadProgress, None, ArraySource]:
    """Read images, labels, factors, splits and columns from a file of named arrays.

    The images are the array named ``images``, ``x``, ``data`` …, or several such arrays with the name of a split in
    theirs (``x_train``, ``test_images``), or the only array of 3 or 4 axes. The labels are named ``labels``, ``y``,
    ``targets`` …; factors ``latents_values``, ``factors`` …. Every other array with one or a few values per image gives
    columns. All that is not used is listed with the reason.

    Parameters
    ----------
    path
        The file.
    members
        All of its arrays.
    read
        Reads one of them, by its name.
    format
        For the statistics.
    chosen
        Name of the array of images; empty to find it.

    Raises
    ------
    InputError
        When there are no images, or it is not clear which they are.
    """
    content = _content(path, members, chosen)
    for name, member in members.items():
        if member.problem:
            content.left_out.append(LeftOut(name, member.problem, "array"))
    images = yield from _read_images(path, members, content, read)
    reader = _Columns(members, content, read)
    names = yield from reader.names_of(_CLASS_NAMES)
    meaning = yield from reader.labels(names)
    factors = yield from reader.factors()
    columns = yield from reader.others()
    splits = None
    if _WHOLE not in content.images:
        splits = np.repeat(np.array(list(content.counts), dtype=np.str_), list(content.counts.values()))
    return ArraySource(
        images,
        unlabelled(len(images)) if meaning.labels is None else meaning.labels,
        meaning.classes,
        path.name,
        path.stem,
        f"{path}:{chosen}" if chosen else str(path),
        format,
        (*cache_identity(path), *content.images.values()),
        factors=factors,
        metadata={**meaning.columns, **columns},
        splits=splits,
        left_out=content.left_out,
        notes=content.notes,
    )


def _content(path: Path, members: Mapping[str, Member], chosen: str) -> _Content:
    """Find the arrays of images, and sort the others by base name and split."""
    usable = {name: member for name, member in members.items() if not member.problem}
    held = ", ".join(f"{name} {member.shape}" for name, member in usable.items()) or "no array that can be read"
    images = {name for name, member in usable.items() if member.dtype.kind in "buif" and layout_of(member.shape)}
    if chosen:
        if chosen not in images:
            raise InputError(f"{path.name} has no array of images named {chosen} (it has {held})")
        content = _Content({_WHOLE: chosen})
    else:
        content = _Content(_find_images(usable, images))
        if not content.images:
            raise InputError(
                f"{path.name} has no array named images, and not exactly one of 3 or 4 dimensions (it has {held})"
            )
    first = layout_of(usable[next(iter(content.images.values()))].shape)
    for split, name in list(content.images.items()):
        layout = layout_of(usable[name].shape)
        assert layout is not None
        if layout[2:5] != first[2:5]:  # type: ignore[index]
            content.left_out.append(LeftOut(name, "its images have another size than the first ones", "array"))
            del content.images[split]
        else:
            content.counts[split] = layout.images
    used = {*content.images.values(), *(each.path for each in content.left_out)}
    for name in usable:
        if name not in used:
            part, base = split_in_name(name)
            if part is None or _WHOLE in content.images:
                content.arrays.setdefault(name.lower(), {})[_WHOLE] = name
            else:
                content.arrays.setdefault(base, {})[part] = name
    return content


def _find_images(members: Mapping[str, Member], images: set[str]) -> dict[str, str]:
    """Arrays of images by split; of one for all images, the split is empty."""
    plain = {name.lower(): name for name in images}
    by_split: dict[str, dict[str, str]] = {}
    for name in members:
        split, base = split_in_name(name)
        if name in images and split is not None and base in _IMAGE_NAMES:
            by_split.setdefault(base, {})[split] = name
    for base in _IMAGE_NAMES:
        if base in plain:
            return {_WHOLE: plain[base]}
        if base in by_split:
            return {split: by_split[base][split] for split in _SPLITS if split in by_split[base]}
    candidates = [name for name in plain.values() if len(members[name].shape) in (3, 4)]
    return {_WHOLE: candidates[0]} if len(candidates) == 1 else {}


def _read_images(
    path: Path, members: Mapping[str, Member], content: _Content, read: Read
) -> Generator[LoadProgress, None, NDArray[Any]]:
    """The images of all splits as one array."""
    names = list(content.images.values())
    if len(names) > 1 and 2 * sum(_bytes(members[name]) for name in names) > available_bytes():
        raise InputError(
            f"the splits of {path.name} do not fit into memory together; open one of them, as {path.name}:{names[0]}"
        )
    parts = []
    for name in names:
        array = yield from read(name)
        content.notes += [note for note in [layout_note(array.shape, name)] if note]
        parts.append(as_images(array, f"{path.name}: {name}"))
    if len(parts) == 1:
        if _WHOLE not in content.images:
            content.notes.append(f"the images are those of {names[0]}")
        return parts[0]
    counts = ", ".join(f"{count:,} {split}" for split, count in content.counts.items())
    content.notes.append(f"the splits of the file are kept: {counts}")
    return np.concatenate(parts)


class _Columns:
    """Labels, factors and columns of a file, assembled from the arrays of its splits."""

    def __init__(self, members: Mapping[str, Member], content: _Content, read: Read) -> None:
        self._members, self._content, self._read = members, content, read
        self._count = sum(content.counts.values())

    def names_of(self, candidates: Iterable[str]) -> Generator[LoadProgress, None, tuple[str, ...]]:
        """Texts in an array with one of these names."""
        for base in candidates:
            name = self._content.arrays.get(base, {}).get(_WHOLE)
            if name is not None and self._members[name].dtype.kind in "SU" and self._members[name].shape != ():
                del self._content.arrays[base]
                return tuple(text_array((yield from self._read(name))).tolist())
        return ()

    def labels(self, names: tuple[str, ...]) -> Generator[LoadProgress, None, Meaning]:
        """What the labels say; nothing if there are none."""
        for base in _LABEL_NAMES:
            if not self._fits(base):
                continue
            values, known = yield from self._take(base)
            meaning = _meaning(base, values, names)
            self._content.left_out += meaning.left_out
            self._content.notes += [meaning.note] if meaning.note else []
            if meaning.labels is not None:
                labels = np.full(self._count, UNKNOWN, dtype=np.int64)
                labels[known] = meaning.labels
                meaning.labels = labels
            meaning.columns = {name: _spread(column, known, self._count) for name, column in meaning.columns.items()}
            return meaning
        return Meaning()

    def factors(self) -> Generator[LoadProgress, None, Columns | None]:
        """Generative factors by name; ``None`` if there are none."""
        names = yield from self.names_of(_NAMES_OF_FACTORS)
        found: Columns | None = None
        taken = ""
        for base in _FACTOR_NAMES:
            if not self._fits(base):
                continue
            if found is not None:
                for name in self._content.arrays.pop(base).values():
                    self._content.left_out.append(LeftOut(name, f"the factors are taken from {taken}", "array"))
                continue
            taken = base
            values, known = yield from self._take(base)
            matrix = values.reshape(len(values), -1)
            count = matrix.shape[1]
            if len(names) != count:
                is_dsprites = base.startswith("latents") and count == len(_DSPRITES)
                names = _DSPRITES if is_dsprites else tuple(f"{base} {number}" for number in range(count))
            found = {name: _spread(matrix[:, number], known, self._count) for number, name in enumerate(names)}
            self._content.notes.append(f"{base} has {pluralize(count, 'factor')}: {', '.join(names)}")
        return found

    def others(self) -> Generator[LoadProgress, None, dict[str, NDArray[Any]]]:
        """Columns of all other arrays; those that have none are left out."""
        columns: dict[str, NDArray[Any]] = {}
        for base, by_split in list(self._content.arrays.items()):
            if not self._fits(base):
                self._content.left_out += [LeftOut(name, self._why_not(name), "array") for name in by_split.values()]
                continue
            title = next(iter(by_split.values())) if _WHOLE in by_split else base
            values, known = yield from self._take(base)
            if values.ndim == 1:
                columns[title] = _spread(
                    text_array(values) if values.dtype.kind in "SU" else values, known, self._count
                )
            else:
                for number in range(values.shape[1]):
                    columns[f"{title}_{number}"] = _spread(values[:, number], known, self._count)
        return columns

    def _fits(self, base: str) -> bool:
        """Whether the arrays of this name have one or a few values per image."""
        by_split = self._content.arrays.get(base, {})
        for split, name in by_split.items():
            count = self._count if split == _WHOLE else self._content.counts.get(split)
            shape = _per_image(self._members[name].shape, count)
            if shape is None or (len(shape) == 2 and (shape[1] > _MOST_COLUMNS and base not in _LABEL_NAMES)):
                return False
            if len(shape) == 2 and self._members[name].dtype.kind in "SU":
                return False
        return bool(by_split) and len({len(self._members[name].shape) for name in by_split.values()}) == 1

    def _take(self, base: str) -> Generator[LoadProgress, None, tuple[NDArray[Any], NDArray[np.int64]]]:
        """The values [n] or [n, K] of a name, and the indices [n] of their images."""
        parts, rows = [], []
        start = 0
        by_split = self._content.arrays.pop(base)
        for split, count in self._content.counts.items():
            name = by_split.get(split)
            if name is not None:
                array = yield from self._read(name)
                parts.append(array.reshape(_per_image(array.shape, count) or array.shape))
                rows.append(np.arange(start, start + count))
            start += count
        if _WHOLE in by_split and not parts:
            array = yield from self._read(by_split[_WHOLE])
            parts, rows = [array.reshape(_per_image(array.shape, start) or array.shape)], [np.arange(start)]
        if len({part.shape[1:] for part in parts}) > 1:
            raise InputError(f"the arrays {', '.join(by_split.values())} have different numbers of values per image")
        return np.concatenate(parts), np.concatenate(rows).astype(np.int64)

    def _why_not(self, name: str) -> str:
        member = self._members[name]
        first = next(iter(self._content.images.values()))
        shape = "×".join(map(str, member.shape)) or "a single value"
        if member.dtype.kind in "buif" and len(member.shape) >= 3 and layout_of(member.shape):
            return (
                f"shape {shape}: the images are taken from {first}; choose these by adding :{name} to the file's name"
            )
        return f"shape {shape}, which is not one value or a few for each of {pluralize(self._count, 'image')}"


def _per_image(shape: tuple[int, ...], count: int | None) -> tuple[int, ...] | None:
    """Shape (count,) or (count, K) of an array with values for each of ``count`` images; ``None`` if it has not."""
    if count is None:
        return None
    if shape in ((count,), (count, 1), (1, count)):
        return (count,)
    return shape if len(shape) == 2 and shape[0] == count and shape[1] else None


def _meaning(name: str, values: NDArray[Any], names: tuple[str, ...]) -> Meaning:
    """What labels [n] or [n, K] say; ``names`` are those of numbered classes."""
    if values.ndim == 2:
        return meaning_of_matrix(name, values, names)
    if values.dtype.kind in "SU":
        distinct, codes = np.unique(text_array(values), return_inverse=True)
        return meaning_of_texts(name, distinct.tolist(), codes.reshape(-1))
    meaning = meaning_of_numbers(name, values)
    numbers = [int(each) for each in meaning.classes] if all(each.isdecimal() for each in meaning.classes) else []
    if meaning.labels is not None and numbers and max(numbers) < len(names) and len(set(names)) == len(names):
        table = np.append(np.array(numbers, dtype=np.int64), UNKNOWN)
        return Meaning(table[meaning.labels], names)
    return meaning


def _spread(values: NDArray[Any], rows: Labels, count: int) -> NDArray[Any]:
    """Values of the images ``rows`` as a column of all ``count``: NaN or "" for the others."""
    if len(rows) == count:
        return values
    is_text = values.dtype.kind in "SU"
    column = np.full(count, "" if is_text else np.nan, dtype=values.dtype if is_text else np.float64)
    column[rows] = values
    return column


def _bytes(member: Member) -> int:
    return int(np.prod(member.shape, dtype=object)) * member.dtype.itemsize
