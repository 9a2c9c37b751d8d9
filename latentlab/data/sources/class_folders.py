"""Class labels from folder names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from latentlab.data.sources.splits import split_name
from latentlab.data.types import TEST, TRAIN, UNKNOWN, UNLABELLED, VALIDATION, Labels, Splits

Classes = tuple[str, ...]


def natural_sort_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts "2" before "10"."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def class_folders(folders: Sequence[tuple[str, int]], empty_folders: Iterable[str] = ()) -> tuple[Labels, Classes]:
    """Label images by their folder.

    Folder levels that all images share are skipped, and so is a level of splits (see `split_folders`); the next level
    gives the class. Deeper folders belong to their class. Images next to the class folders are unlabelled, and so are
    those in a folder ``unlabeled``. An empty class folder is a class without images.

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
    split_depth = _split_depth(tree)
    depth = _shared_depth(tree) if split_depth is None else _depth_below(tree, split_depth)
    have_class = [len(parts) > depth and not _is_unlabelled(parts, split_depth) for parts in tree]
    names = {parts[depth] for parts, has_class in zip(tree, have_class, strict=True) if has_class}
    if names:
        above = {tuple(parts[:depth]) for parts in tree if len(parts) > depth}
        for parts in (folder.split("/") for folder in empty_folders):
            if len(parts) == depth + 1 and tuple(parts[:depth]) in above:
                names.add(parts[depth])
    classes = tuple(sorted(names, key=natural_sort_key))
    index = {name: number for number, name in enumerate(classes)}
    labels = [index[parts[depth]] if has_class else UNKNOWN for parts, has_class in zip(tree, have_class, strict=True)]
    return np.repeat(np.array(labels, dtype=np.int64), counts), classes


def split_folders(folders: Sequence[tuple[str, int]]) -> Splits | None:
    """The split that each image belongs to by its folder: ``train/``, ``test/``, ``val/``, ``unlabeled/`` and the like.

    They are on the first level that not all images share: either all folders there are splits, of two kinds at least,
    or one is for training and another for validation or test, and images elsewhere belong to no split.

    Parameters
    ----------
    folders
        As for `class_folders`.

    Returns
    -------
    str [N], "" for no split; ``None`` if there are no such folders.
    """
    tree = [folder.split("/") if folder else [] for folder, _ in folders]
    depth = _split_depth(tree)
    if depth is None:
        return None
    names = [split_name(parts[depth]) or "" if len(parts) > depth else "" for parts in tree]
    splits: Splits = np.repeat(np.array(names, dtype=np.str_), [count for _, count in folders])
    return splits


def _shared_depth(tree: list[list[str]]) -> int:
    """The first level at which not all images lie in the same folder."""
    depth = 0
    while tree and all(len(parts) > depth for parts in tree) and len({parts[depth] for parts in tree}) == 1:
        depth += 1
    return depth


def _split_depth(tree: list[list[str]]) -> int | None:
    """The level of the folders of splits; ``None`` if there are none."""
    depth = _shared_depth(tree)
    splits = {split_name(parts[depth]) for parts in tree if len(parts) > depth}
    if len(splits - {None}) > 1 and (None not in splits or (TRAIN in splits and {TEST, VALIDATION} & splits)):
        return depth
    return None


def _depth_below(tree: list[list[str]], split_depth: int) -> int:
    """The level of the classes below the splits; levels that all images there share are skipped."""
    below = [
        parts[split_depth + 1 :]
        for parts in tree
        if len(parts) > split_depth + 1 and not _is_unlabelled(parts, split_depth)
    ]
    return split_depth + 1 + _shared_depth(below)


def _is_unlabelled(parts: list[str], split_depth: int | None) -> bool:
    return split_depth is not None and len(parts) > split_depth and split_name(parts[split_depth]) == UNLABELLED
