"""Class labels from folder names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from latentlab.data.types import UNKNOWN, Labels

Classes = tuple[str, ...]

_SPLIT_NAMES = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"})


def natural_sort_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts "2" before "10"."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def class_folders(folders: Sequence[tuple[str, int]], empty_folders: Iterable[str] = ()) -> tuple[Labels, Classes]:
    """Label images by their folder.

    Folder levels that all images share are skipped, and so is a level with only folders named train, test, validation
    and the like; the next level gives the class. Deeper folders belong to their class. Images next to the class
    folders are unlabelled. An empty class folder is a class without images.

    Parameters
    ----------
    folders
        Relative path (with ``/``, empty for the top) and number of images of each folder, in the order of the images.
    empty_folders
        Relative paths of folders without images.

    Returns
    -------
    labels, classes
        int64 [N], and the names in natural order; all -1 and no classes for a flat folder.
    """
    tree = [folder.split("/") if folder else [] for folder, _ in folders]
    counts = [count for _, count in folders]
    depth = _class_depth(tree)
    names = {parts[depth] for parts in tree if len(parts) > depth}
    if names:
        above = {tuple(parts[:depth]) for parts in tree if len(parts) > depth}
        for parts in (folder.split("/") for folder in empty_folders):
            if len(parts) == depth + 1 and tuple(parts[:depth]) in above:
                names.add(parts[depth])
    classes = tuple(sorted(names, key=natural_sort_key))
    index = {name: number for number, name in enumerate(classes)}
    labels = [index[parts[depth]] if len(parts) > depth else UNKNOWN for parts in tree]
    return np.repeat(np.array(labels, dtype=np.int64), counts), classes


def _class_depth(tree: list[list[str]]) -> int:
    depth = 0
    while all(len(parts) > depth for parts in tree):
        names = {parts[depth] for parts in tree}
        if len(names) > 1 and not all(name.lower() in _SPLIT_NAMES for name in names):
            break
        depth += 1
    return depth
