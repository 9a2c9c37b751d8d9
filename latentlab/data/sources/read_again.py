"""Images of an open dataset once more, with the value ranges of the model that is to read them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from latentlab.data.dataset import Dataset
from latentlab.data.images.image_types import Ranges
from latentlab.data.images.value_range import seen_ranges
from latentlab.data.sources.open import open_dataset
from latentlab.data.types import LoadProgress
from latentlab.errors import InputError


def needs_reading_again(dataset: Dataset, known: Ranges | None) -> bool:
    """Whether a model with the ranges ``known`` reads the images otherwise than they are in the dataset.

    Ranges that were set by hand, with ``levels`` other than "auto", are kept.
    """
    if known is None or not dataset.value_facts or dataset.config.levels != "auto":
        return False
    return dataset.ranges != seen_ranges(dataset.value_facts, dataset.config.levels, known)


def read_again(dataset: Dataset, known: Ranges) -> Generator[LoadProgress, None, Dataset]:
    """The same images in the same order, read with a model's ranges; a part of a dataset stays that part.

    Raises
    ------
    InputError
        When the source cannot be read any more, or has changed.
    """
    for step in open_dataset(dataset.source, dataset.config, known):
        if isinstance(step, Dataset):
            return _rows_of(step, dataset)
        yield step
    raise AssertionError("opening ends with a dataset")


def read_at_once(dataset: Dataset, known: Ranges | None) -> Dataset:
    """The dataset as a model with the ranges ``known`` reads it: itself where that makes no difference.

    Raises
    ------
    InputError
        As `read_again`.
    """
    if known is None or not needs_reading_again(dataset, known):
        return dataset
    steps = read_again(dataset, known)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Dataset = end.value
            return found


def _rows_of(found: Dataset, dataset: Dataset) -> Dataset:
    if found.paths != dataset.paths:
        numbers = {path: number for number, path in enumerate(found.paths)}
        if not all(path in numbers for path in dataset.paths):
            raise InputError(f"{dataset.name} has changed since it was opened: open it again")
        found = found.subset(np.array([numbers[path] for path in dataset.paths], np.int64))
    return replace(
        dataset, images=found.images, value_range=found.value_range, ranges=found.ranges, fingerprint=found.fingerprint
    )
