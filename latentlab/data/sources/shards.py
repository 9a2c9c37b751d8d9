"""Folders that hold the files of one dataset: Parquet files, saved Arrow datasets, WebDataset shards."""

from __future__ import annotations

import os
from pathlib import Path

_SUFFIXES = (".parquet", ".arrow", ".tar")
_MAX_DEPTH = 3
_MAX_FILES = 10_000


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
