"""Classes from the names of folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from latentlab.data.dataset import UNKNOWN, Labels

_PARTS_OF_A_SET = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"})


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which "2" comes before "10"."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def class_folders(paths: Sequence[str], empty_folders: Iterable[str] = ()) -> tuple[Labels, tuple[str, ...]]:
    """Label images by the folder they lie in.

    Folders that every image shares say nothing and are passed over, and so are folders named train, test,
    validation and the like where there are no others; the next one down is the class. Deeper folders belong to
    their class. Images beside the class folders have no label. An empty folder beside them keeps its class.

    Parameters
    ----------
    paths
        Relative, ``/`` between the parts.
    empty_folders
        The same, of folders without images.

    Returns
    -------
    labels, classes
        int64 [N], and the names in natural order; all -1 and none where the folder is flat.
    """
    folders = {path.rpartition("/")[0] for path in paths}
    tree = [folder.split("/") if folder else [] for folder in folders]
    depth = _class_depth(tree)
    names = {parts[depth] for parts in tree if len(parts) > depth}
    if not names:
        return np.full(len(paths), UNKNOWN, dtype=np.int64), ()
    above = {tuple(parts[:depth]) for parts in tree if len(parts) > depth}
    for parts in (folder.split("/") for folder in empty_folders):
        if len(parts) == depth + 1 and tuple(parts[:depth]) in above:
            names.add(parts[depth])
    classes = tuple(sorted(names, key=natural))
    number = {name: place for place, name in enumerate(classes)}
    by_folder = {
        folder: number[parts[depth]] if len(parts) > depth else UNKNOWN
        for folder, parts in ((folder, folder.split("/") if folder else []) for folder in folders)
    }
    return np.array([by_folder[path.rpartition("/")[0]] for path in paths], dtype=np.int64), classes


def _class_depth(tree: list[list[str]]) -> int:
    depth = 0
    while all(len(parts) > depth for parts in tree):
        names = {parts[depth] for parts in tree}
        if len(names) > 1 and not all(name.lower() in _PARTS_OF_A_SET for name in names):
            break
        depth += 1
    return depth
