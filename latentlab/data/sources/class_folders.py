"""Classes from the names of folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from latentlab.data.types import UNKNOWN, Labels

Classes = tuple[str, ...]

_PARTS_OF_A_SET = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"})


def natural_sort_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which "2" comes before "10"."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def class_folders(folders: Sequence[tuple[str, int]], empty_folders: Iterable[str] = ()) -> tuple[Labels, Classes]:
    """Label images by the folder they lie in.

    Folders that every image shares say nothing and are passed over, and so are folders named train, test,
    validation and the like where there are no others; the next one down is the class. Deeper folders belong to
    their class. Images beside the class folders have no label. An empty folder beside them keeps its class.

    Parameters
    ----------
    folders
        Relative path (``/`` between the parts, empty for the top) and number of images of each folder, in the order
        of the images.
    empty_folders
        Relative paths of folders without images.

    Returns
    -------
    labels, classes
        int64 [N], and the names in natural order; all -1 and none where the folder is flat.
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
    number = {name: place for place, name in enumerate(classes)}
    labels = [number[parts[depth]] if len(parts) > depth else UNKNOWN for parts in tree]
    return np.repeat(np.array(labels, dtype=np.int64), counts), classes


def _class_depth(tree: list[list[str]]) -> int:
    depth = 0
    while all(len(parts) > depth for parts in tree):
        names = {parts[depth] for parts in tree}
        if len(names) > 1 and not all(name.lower() in _PARTS_OF_A_SET for name in names):
            break
        depth += 1
    return depth
