"""A folder's files, found without waiting on anything: each folder once, regular files only."""

from __future__ import annotations

import heapq
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from latentlab.data.dataset import LoadProgress, Skipped
from latentlab.data.decode import SUFFIXES, reason_of

_BETWEEN = 0.03  # seconds
_RUN = 50_000
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
_LABEL_FILE = "labels.csv"


@dataclass
class Scan:
    """What lies in a folder.

    Attributes
    ----------
    paths
        Of the files that may be images, relative to the folder, ``/`` between the parts; folders and names ascending.
    sizes, times
        Of each: bytes, and time of the last change in nanoseconds.
    empty_folders
        Relative paths of the folders that hold nothing at all.
    skipped
        What else lies there, and links, folders and files that cannot be read.
    label_file
        Path of the ``labels.csv`` at the top, if there is one.
    """

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    label_file: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int
    time: int

    def __lt__(self, other: _File) -> bool:
        return self.name < other.name


def shown(path: str) -> str:
    r"""A path as text that can be printed and written: bytes that are no UTF-8 become ``\\xNN``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class Scanner:
    """Walks one folder; see `scan`."""

    def __init__(self, root: str) -> None:
        self.found = Scan()
        self._root = root
        self._top = os.path.realpath(root)
        self._visited: set[tuple[int, int]] = set()
        self._links: list[str] = []
        self._by_folder: dict[tuple[str, ...], list[_File]] = {}
        self._count = 0
        self._last = time.monotonic()

    def run(self) -> Iterator[LoadProgress]:
        """Find everything: real folders first, so that a link to one of them adds nothing."""
        yield from self._walk("")
        while self._links:
            link = self._links.pop(0)
            if self._leads_up(link):
                self._skip(link, "a link to a folder that it lies in")
            else:
                yield from self._walk(link)
        for folder in sorted(self._by_folder):
            prefix = "".join(part + "/" for part in folder)
            for file in self._by_folder.pop(folder):
                self.found.paths.append(prefix + file.name)
                self.found.sizes.append(file.size)
                self.found.times.append(file.time)
                yield from self._progress()
        self.found.skipped.sort(key=lambda each: each.path)

    def _leads_up(self, link: str) -> bool:
        target = os.path.realpath(os.path.join(self._root, link))
        return os.path.commonpath([target, self._top]) == target

    def _walk(self, start: str) -> Iterator[LoadProgress]:
        folders = [start]
        while folders:
            folder = folders.pop()
            try:
                status = os.stat(os.path.join(self._root, folder))
                entries = os.scandir(os.path.join(self._root, folder))
            except OSError as error:
                self._skip(folder, reason_of(error))
                continue
            if (status.st_dev, status.st_ino) in self._visited:
                continue
            self._visited.add((status.st_dev, status.st_ino))
            with entries:
                yield from self._list(folder, entries, folders)

    def _list(self, folder: str, entries: Iterator[os.DirEntry[str]], folders: list[str]) -> Iterator[LoadProgress]:
        runs: list[list[_File]] = [[]]
        anything = False
        while True:
            try:
                entry = next(entries, None)
            except OSError as error:
                self._skip(folder, reason_of(error))
                break
            if entry is None:
                break
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
                continue
            anything = True
            file = self._look_at(f"{folder}/{entry.name}" if folder else entry.name, entry, folders)
            if file is not None:
                if len(runs[-1]) == _RUN:
                    runs[-1].sort()
                    runs.append([])
                runs[-1].append(file)
                self._count += 1
            yield from self._progress()
        runs[-1].sort()
        if runs[0]:
            merged: list[_File] = []
            for file in heapq.merge(*runs):
                merged.append(file)
                yield from self._progress()
            self._by_folder[tuple(folder.split("/")) if folder else ()] = merged
        elif not anything and folder:
            self.found.empty_folders.append(folder)

    def _look_at(self, path: str, entry: os.DirEntry[str], folders: list[str]) -> _File | None:
        """Sort one entry: a folder to walk, a link for later, an image file, or something to skip."""
        try:
            if entry.is_dir():
                (self._links if entry.is_symlink() else folders).append(path)
                return None
            status = entry.stat()
        except OSError as error:
            self._skip(path, "a link in a circle" if entry.is_symlink() and error.errno == 40 else reason_of(error))
            return None
        suffix = os.path.splitext(entry.name)[1].lower()
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, "not a regular file")
        elif path.lower() == _LABEL_FILE:
            self.found.label_file = path
        elif suffix and suffix not in SUFFIXES:
            self._skip(path, f"not an image by its name ({shown(suffix)})")
        elif not status.st_size:
            self._skip(path, "empty file")
        else:
            return _File(entry.name, status.st_size, status.st_mtime_ns)
        return None

    def _skip(self, path: str, reason: str) -> None:
        self.found.skipped.append(Skipped(shown(path), reason))
        self._count += 1

    def _progress(self) -> Iterator[LoadProgress]:
        now = time.monotonic()
        if now - self._last > _BETWEEN:
            self._last = now
            yield LoadProgress(self._count, None, "Looking for images")


def scan(root: str) -> Iterator[LoadProgress | Scan]:
    """Find the files of a folder that may be images; yields progress, then the `Scan`.

    Hidden files and folders are left out. Links to folders are followed, each folder being visited once and under
    its real name where it has one; nothing is opened, so no FIFO or device can hold it up.
    """
    scanner = Scanner(root)
    yield from scanner.run()
    yield scanner.found
