"""Several sources of images as one dataset: folders, archives, tables and their shards."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from latentlab.data.loading.fetcher import Fetch, Payload
from latentlab.data.sources.class_folders import natural_sort_key
from latentlab.data.sources.columns import Column
from latentlab.data.sources.items import ImageItems
from latentlab.data.types import UNKNOWN, Columns, Labels, Splits

_PART_COLUMN = "source"


def combine(parts: Sequence[ImageItems], source: str, name: str, has_classes: bool = True) -> ImageItems:
    """Join the images of several sources, in their order.

    Classes are joined by name. If no part has any, each part is a class, named as the part. If they have, the column
    ``source`` says which part an image is from.

    Parameters
    ----------
    parts
        At least one.
    source, name
        Of the whole.
    has_classes
        Whether parts are classes or a column: not for shards, whose borders mean nothing.
    """
    titles = _titles(parts)
    labels, classes = _joined_labels(parts)
    metadata = dict(_joined_columns([part.metadata for part in parts], parts))
    counts = [len(part.names) for part in parts]
    if has_classes and not classes and len(parts) > 1:
        classes = tuple(titles)
        labels = np.repeat(np.arange(len(parts), dtype=np.int64), counts)
    elif has_classes and len(parts) > 1 and _PART_COLUMN not in metadata:
        metadata[_PART_COLUMN] = np.repeat(np.array(titles, dtype=np.str_), counts)
    sizes = {part.size for part in parts}
    return ImageItems(
        names=[f"{title}/{each}" for title, part in zip(titles, parts, strict=True) for each in part.names],
        labels=labels,
        classes=classes,
        name=name,
        source=source,
        place=", ".join(part.place for part in parts[:3]) + (" …" if len(parts) > 3 else ""),
        cache_identity=tuple(itertools.chain.from_iterable((*part.cache_identity, "|") for part in parts)),
        open_reader=partial(_reader, parts),
        kind="pixels" if any(part.kind == "pixels" for part in parts) else "encoded",
        format=next((part.format for part in parts if part.format), ""),
        size=sizes.pop() if len(sizes) == 1 else None,
        left_out=[
            replace(each, path=f"{title}/{each.path}")
            for title, part in zip(titles, parts, strict=True)
            for each in part.left_out
        ],
        metadata=metadata,
        splits=_joined_splits(parts),
        notes=[f"{title}: {note}" for title, part in zip(titles, parts, strict=True) for note in part.notes],
    )


def _titles(parts: Sequence[ImageItems]) -> list[str]:
    """A short name of each part; parts of one name are numbered."""
    titles: list[str] = []
    for part in parts:
        title, count = part.name, 1
        while title in titles:
            count += 1
            title = f"{part.name} ({count})"
        titles.append(title)
    return titles


def _joined_labels(parts: Sequence[ImageItems]) -> tuple[Labels, tuple[str, ...]]:
    """Labels into the classes of all parts, in the first part's order if that has them all."""
    first = parts[0].classes
    names = {name for part in parts for name in part.classes}
    classes = first if names <= set(first) else tuple(sorted(names, key=natural_sort_key))
    index = {name: number for number, name in enumerate(classes)}
    tables = [np.array([*(index[name] for name in part.classes), UNKNOWN], dtype=np.int64) for part in parts]
    joined: Labels = np.concatenate([table[part.labels] for table, part in zip(tables, parts, strict=True)])
    return joined, classes


def _joined_splits(parts: Sequence[ImageItems]) -> Splits | None:
    """Splits of all parts, none for the images of a part without any; ``None`` if no part has splits."""
    if all(part.splits is None for part in parts):
        return None
    return np.concatenate(
        [np.full(len(part.names), "", dtype=np.str_) if part.splits is None else part.splits for part in parts]
    )


def _joined_columns(columns: Sequence[Columns], parts: Sequence[ImageItems]) -> Iterator[tuple[str, Column]]:
    """Columns of all parts, with NaN or empty text where a part lacks one."""
    for name in dict.fromkeys(itertools.chain.from_iterable(columns)):
        values = [each.get(name) for each in columns]
        are_numbers = all(each is None or each.dtype.kind == "f" for each in values)
        absent: float | str = np.nan if are_numbers else ""
        kind = np.float64 if are_numbers else np.str_
        filled = [
            np.full(len(part.names), absent) if each is None else each.astype(kind)
            for each, part in zip(values, parts, strict=True)
        ]
        yield name, np.concatenate(filled)


@contextmanager
def _reader(parts: Sequence[ImageItems]) -> Iterator[Fetch]:
    """Opens one part at a time, the next when its images are wanted."""
    starts = np.cumsum([0, *(len(part.names) for part in parts)])
    with ExitStack() as stack:
        current: tuple[int, Fetch] | None = None

        def reader_of(part: int) -> Fetch:
            nonlocal current
            if current is None or current[0] != part:
                stack.close()
                current = part, stack.enter_context(_open(parts[part]))
            return current[1]

        def fetch(numbers: Sequence[int]) -> Iterator[Payload]:
            owners = np.searchsorted(starts, np.asarray(numbers), side="right") - 1
            for part, group in itertools.groupby(zip(owners.tolist(), numbers, strict=True), lambda pair: pair[0]):
                yield from reader_of(part)([number - int(starts[part]) for _, number in group])

        yield fetch


def _open(part: ImageItems) -> AbstractContextManager[Fetch]:
    return part.open_reader() if part.open_reader is not None else _files(part)


@contextmanager
def _files(part: ImageItems) -> Iterator[Fetch]:
    yield lambda numbers: (os.path.join(part.folder or "", part.names[number]) for number in numbers)
