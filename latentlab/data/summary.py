"""A summary of a dataset, for ``latentlab info``."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from latentlab.data.dataset import Dataset
from latentlab.data.types import UNKNOWN, LeftOut


def summary(dataset: Dataset) -> dict[str, Any]:
    """Summarise a dataset in values that can be written as JSON.

    ``kind`` ("dataset"), ``name``, ``source``, ``images``, ``image_shape``, ``classes`` (names), ``class_counts``
    (images by class), ``unlabelled``, ``formats``, ``modes``, ``sizes`` (number of images of each), ``splits``
    (images of each of the data's own splits), ``training`` and ``validation`` (images of each part of
    `Dataset.split`), ``value_range`` (``low``, ``high``, ``origin``, ``sentence``, ``used``, ``warning``),
    ``notes`` (sentences on how the source was read), ``factors`` and ``metadata`` (names), ``bytes`` (of the prepared
    images), ``fingerprint``, ``config`` and ``skipped`` (``path``, ``reason`` and ``kind`` of each file, frame, array,
    row and column that was left out).
    """
    labels = dataset.labels
    training, validation = dataset.split()
    counts = np.bincount(labels[labels != UNKNOWN], minlength=len(dataset.classes))
    return {
        "kind": "dataset",
        "name": dataset.name,
        "source": dataset.source,
        "images": len(dataset),
        "image_shape": list(dataset.image_shape),
        "classes": list(dataset.classes),
        "class_counts": dict(zip(dataset.classes, counts.tolist(), strict=True)),
        "unlabelled": int((labels == UNKNOWN).sum()),
        "formats": dataset.file_stats.formats,
        "modes": dataset.file_stats.modes,
        "sizes": dataset.file_stats.sizes | _other_sizes(dataset),
        "splits": dataset.split_counts,
        "training": len(training),
        "validation": len(validation),
        "notes": dataset.notes,
        "value_range": dataclasses.asdict(dataset.value_range),
        "factors": list(dataset.factors or ()),
        "metadata": list(dataset.metadata),
        "bytes": int(dataset.images.size),
        "fingerprint": dataset.fingerprint,
        "config": dataset.config.model_dump(),
        "skipped": [_plain(each) for each in dataset.left_out],
    }


def _other_sizes(dataset: Dataset) -> dict[str, int]:
    """Number of images of all other sizes."""
    more = dataset.file_stats.more_sizes
    return {f"{more} others": len(dataset) - sum(dataset.file_stats.sizes.values())} if more else {}


def _plain(part: LeftOut) -> dict[str, Any]:
    """As a JSON object; the number only where it is not 1."""
    values = dataclasses.asdict(part)
    return values if part.count > 1 else {name: value for name, value in values.items() if name != "count"}
