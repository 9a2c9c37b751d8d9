"""Selects the images to use: classes, a number per class, a limit."""

from __future__ import annotations

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.types import UNKNOWN, Labels
from latentlab.errors import InputError
from latentlab.utils.text import pluralize


def select_subset(labels: Labels, classes: tuple[str, ...], config: DataConfig) -> Labels:
    """Select the configured subset.

    First ``classes``, then ``per_class`` of each (unlabelled images count as one more class), then ``limit`` of the
    rest. Sampled with ``seed``: equal data and configuration give equal subsets.

    Returns
    -------
    int64 indices, ascending.

    Raises
    ------
    InputError
        When a class does not exist, or no image is left.
    """
    index = np.arange(len(labels), dtype=np.int64)
    random = np.random.default_rng([config.seed, 0x5B5E])
    if config.classes:
        absent = [name for name in config.classes if name not in classes]
        if absent:
            available = ", ".join(classes[:20]) or "none, the images have no labels"
            raise InputError(f"there is no class {absent[0]!r} (classes: {available})")
        index = index[np.isin(labels, [classes.index(name) for name in config.classes])]
    if config.per_class is not None:
        shuffled = random.permutation(index)
        # 16-bit numbers are radix-sorted: a tenth of the time for a million images.
        short = labels[shuffled].astype(np.int16 if len(classes) < 2**15 else np.int64)
        order = np.argsort(short, kind="stable")
        starts = np.flatnonzero(np.diff(short[order], prepend=short[order[:1]] - 1))
        sizes = np.diff(starts, append=len(order))
        rank = np.arange(len(order)) - np.repeat(starts, sizes)
        index = np.sort(shuffled[order[rank < config.per_class]])
    if config.limit is not None and config.limit < len(index):
        index = np.sort(random.choice(index, config.limit, replace=False))
    if not len(index):
        raise InputError(f"none of {pluralize(len(labels), 'image')} is of the classes {', '.join(config.classes)}")
    return index


def renumber_classes(labels: Labels, classes: tuple[str, ...], config: DataConfig) -> tuple[Labels, tuple[str, ...]]:
    """Renumber the labels if only some classes are used; the order of the classes stays."""
    if not config.classes:
        return labels, classes
    kept = [number for number, name in enumerate(classes) if name in config.classes]
    table = np.full(len(classes) + 1, UNKNOWN, dtype=np.int64)  # the last entry is for label -1
    table[kept] = np.arange(len(kept))
    return table[labels], tuple(classes[number] for number in kept)
