"""Tables inside an archive, such as ``labels.csv``: copied to a temporary folder and read as those of a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.archive import folders_of_names
from latentlab.data.sources.class_folders import class_folders, split_folders
from latentlab.data.sources.label_tables import LabelTable, read_tables
from latentlab.data.sources.scan import is_table, table_order
from latentlab.data.types import LoadProgress


class ArchiveTables:
    """Collects the tables of an archive while its members are listed; the copies end with the object."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._names: list[str] = []
        self._bytes = 0

    def wants(self, name: str, size: int, limit: int) -> bool:
        """Whether a member is a table that belongs to the images, by its name: at the top or one folder below.

        All tables together may have ``limit`` bytes.
        """
        parts = PurePosixPath(name).parts
        size += self._bytes
        return len(parts) <= 2 and ".." not in parts and not name.startswith("/") and is_table(name) and size <= limit

    def add(self, name: str, content: bytes) -> None:
        """Copy a table; its name was accepted by `wants`."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="latentlab-tables-")
        target = Path(self._folder.name, name)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        self._bytes += len(content)
        if name not in self._names:
            self._names.append(name)

    def read(self, names: Sequence[str]) -> Generator[LoadProgress, None, LabelTable]:
        """Labels, splits and columns of the images ``names``: from the tables, else from the folders in their names."""
        listed = LabelTable()
        if self._folder is not None and names:
            root = Path(self._folder.name)
            listed = yield from read_tables(root, [root / name for name in sorted(self._names, key=table_order)], names)
        if self._folder is not None:
            self._folder.cleanup()
        # In a thread: names in no order are as many folders as images.
        yield from run_in_thread(partial(_use_folders, listed, names), LoadProgress(0, len(names), "Reading folders"))
        return listed


def _use_folders(listed: LabelTable, names: Sequence[str]) -> None:
    """Take splits and labels from the folders in the names, where no table has some."""
    folders = folders_of_names(names)
    if listed.splits is None:
        listed.splits = split_folders(folders)
    if listed.labels is None:
        listed.labels, listed.classes = class_folders(folders)
