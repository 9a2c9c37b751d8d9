"""Folders that hold the files of one dataset: Parquet files, saved Arrow datasets, WebDataset shards."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from latentlab.data.sources.items import ImageItems
from latentlab.data.sources.splits import split_in_name, split_name

_SUFFIXES = (".parquet", ".arrow", ".tar")
_MAX_DEPTH = 3
_MAX_FILES = 10_000


def split_of_shard(shard: Path, folder: Path) -> str:
    """The split that a shard is named after, in its folders or its name (``test-00000-of-00001``); empty for none."""
    parts = shard.relative_to(folder).with_suffix("").parts
    found = [split_name(part) for part in parts] + [split_in_name(part)[0] for part in parts]
    return next((name for name in reversed(found) if name), "")


def with_splits(items: ImageItems) -> ImageItems:
    """The same images, without splits if all are of one: a training set alone is split as any other images are."""
    return replace(items, splits=None) if items.splits is None or len(np.unique(items.splits)) < 2 else items


def shards_in(folder: Path) -> list[Path]:
    """The shards in a folder without images, sorted: of one kind, at most three folders deep.

    Hidden files, and the ``cache-….arrow`` files that the ``datasets`` library leaves, are ignored.
    """
    found: dict[str, list[Path]] = {}
    count = 0
    for path, folders, files in os.walk(folder):
        depth = len(Path(path).relative_to(folder).parts)
        folders[:] = [] if depth >= _MAX_DEPTH else sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in _SUFFIXES and not name.startswith((".", "cache-")):
                found.setdefault(suffix, []).append(Path(path, name))
                count += 1
        if count > _MAX_FILES:
            break
    return next((found[suffix] for suffix in _SUFFIXES if suffix in found), [])
