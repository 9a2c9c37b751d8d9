"""A folder's files, found without waiting on anything: each folder once, regular files only."""

from __future__ import annotations

import errno
import heapq
import os
import stat
import time
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter, itemgetter
from typing import TypeVar

from latentlab.data.images.image_file import SUFFIXES, failure_reason
from latentlab.data.types import NO_IMAGE, LoadProgress, Skipped
from latentlab.utils.gc_control import set_aside, without_collector

T = TypeVar("T")
_File = tuple[str, int, int]  # name, bytes, time of the last change

_BETWEEN = 0.03  # seconds
_FEW = 200  # entries looked at between two steps: each is a call to the file system
_MANY = 5_000
_RUN = 20_000
_SET_ASIDE = 100_000  # files whose descriptions take too long to be looked through for garbage
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
_BROKEN_LINKS = {errno.ELOOP: "a link in a circle", errno.ENOENT: "a link to nothing"}
_LABEL_FILE = "labels.csv"


@dataclass
class ListedFolder:
    """Names in one folder: all of them as they were listed, images ascending, and other plain files."""

    folder: str
    names: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@dataclass
class Scan:
    """What lies in a folder.

    Attributes
    ----------
    paths
        Of the files that may be images, relative to the folder, ``/`` between the parts; folders and names ascending.
    folders
        Relative path of each folder that holds some of them, and how many, in the same order.
    sizes, times
        Of each: bytes, and time of the last change in nanoseconds.
    empty_folders
        Relative paths of the folders that hold nothing at all.
    skipped
        What else lies there, and links, folders and files that cannot be read.
    label_file
        Path of the ``labels.csv`` at the top, if there is one.
    listed
        Every folder looked into, those with images first and in order; ``None`` where there are links, or files that
        are empty or cannot be read: what becomes of those is not seen by their names.
    """

    paths: list[str] = field(default_factory=list)
    folders: list[tuple[str, int]] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    empty_folders: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    label_file: str | None = None
    listed: list[ListedFolder] | None = None


def printable(path: str) -> str:
    r"""A path as text that can be printed and written: bytes that are no UTF-8 become ``\xNN``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def all_printable(paths: list[str]) -> list[str]:
    """Every path as `printable`; the same list when none needs it."""
    try:
        "".join(paths).encode()
    except UnicodeEncodeError:
        return [printable(path) for path in paths]
    return paths


def scan(root: str) -> Iterator[LoadProgress | Scan]:
    """Find the files of a folder that may be images; yields progress, then the `Scan`.

    Hidden files and folders are left out. Links to folders are followed, each folder being visited once and under
    its real name where it has one; nothing is opened, so no FIFO or device can hold it up.
    """
    scanner = _Scanner(root)
    with without_collector():
        yield from scanner.run()
        if len(scanner.found.paths) + len(scanner.found.skipped) > _SET_ASIDE:
            set_aside()
    yield scanner.found


class _Scanner:
    def __init__(self, root: str) -> None:
        self.found = Scan()
        self._root = root
        self._top = os.path.realpath(root)
        self._visited: set[tuple[int, int]] = set()
        self._folders = [""]
        self._links: list[str] = []
        self._files: dict[tuple[str, ...], list[_File]] = {}
        self._listed: dict[str, ListedFolder] = {}
        self._is_plain = True
        self._count = 0
        self._last = time.monotonic()

    def run(self) -> Iterator[LoadProgress]:
        """Find everything: real folders first, so that a link to one of them adds nothing."""
        while self._folders or self._links:
            if self._folders:
                yield from self._walk(self._folders.pop())
                continue
            self._is_plain = False
            if self._leads_up(self._links[0]):
                self._skip(self._links.pop(0), "a link to a folder that it lies in")
            else:
                self._folders.append(self._links.pop(0))
        for folder in sorted(self._files):
            prefix = "".join(part + "/" for part in folder)
            self.found.folders.append((prefix[:-1], len(self._files[folder])))
            listed = self._listed[prefix[:-1]]
            files = yield from sorted_in_steps(self._files.pop(folder), itemgetter(0))
            for some in batches(iter(files), _MANY):
                listed.images += [name for name, _, _ in some]
                self.found.paths += [prefix + name for name, _, _ in some]
                self.found.sizes.extend([size for _, size, _ in some])
                self.found.times.extend([changed for _, _, changed in some])
                yield from self._progress()
        self.found.skipped = yield from sorted_in_steps(self.found.skipped, attrgetter("path"))
        if self._is_plain:
            with_images = [self._listed.pop(folder) for folder, _ in self.found.folders]
            self.found.listed = with_images + list(self._listed.values())

    def _leads_up(self, link: str) -> bool:
        target = os.path.realpath(os.path.join(self._root, link))
        return os.path.commonpath([target, self._top]) == target

    def _walk(self, folder: str) -> Iterator[LoadProgress]:
        path = os.path.join(self._root, folder)
        files: list[_File] = []
        listed = self._listed[folder] = ListedFolder(folder)
        anything = False
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in self._visited:
                self._is_plain = False
                return
            self._visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                for some in batches(entries, _FEW):
                    listed.names += [entry.name for entry in some]
                    anything |= self._look_at(folder + "/" if folder else "", some, files, listed.others)
                    yield from self._progress()
        except OSError as error:
            self._skip(folder or ".", failure_reason(error))
        if files:
            self._files[tuple(folder.split("/")) if folder else ()] = files
        elif not anything and folder:
            self.found.empty_folders.append(folder)

    def _look_at(self, prefix: str, entries: Sequence[os.DirEntry[str]], files: list[_File], others: list[str]) -> bool:
        """Sort entries: folders to walk, links for later, image files, and what to skip; whether there was any."""
        anything = False
        for entry in entries:
            name = entry.name
            lower = name.lower()
            if lower[0] == "." or lower in _SYSTEM_FILES:
                continue
            dot = lower.rfind(".")
            anything = True
            try:
                if entry.is_dir():
                    (self._links if entry.is_symlink() else self._folders).append(prefix + name)
                    continue
                status = entry.stat()
            except OSError as error:
                broken = _BROKEN_LINKS.get(error.errno or 0) if entry.is_symlink() else None
                self._skip(prefix + name, broken or failure_reason(error))
                continue
            if not stat.S_ISREG(status.st_mode):
                self._skip(prefix + name, "not a regular file")
            elif dot > 0 and lower[dot:] not in SUFFIXES:
                others.append(name)
                if prefix or lower != _LABEL_FILE:
                    reason = f"{NO_IMAGE} ({printable(lower[dot:])})"
                    self.found.skipped.append(Skipped(printable(prefix + name), reason))
                else:
                    self.found.label_file = name
            elif not status.st_size:
                self._skip(prefix + name, "empty file")
            else:
                files.append((name, status.st_size, status.st_mtime_ns))
        self._count += len(entries)
        return anything

    def _skip(self, path: str, reason: str) -> None:
        self._is_plain = False
        self.found.skipped.append(Skipped(printable(path), reason))

    def _progress(self) -> Iterator[LoadProgress]:
        now = time.monotonic()
        if now - self._last > _BETWEEN:
            self._last = now
            yield LoadProgress(self._count, None, "Looking for images")


def sorted_in_steps(items: list[T], key: Callable[[T], str]) -> Generator[LoadProgress, None, list[T]]:
    """Sort step by step: a million at once would take too long between two steps."""
    runs = []
    for start in range(0, len(items), _RUN):
        runs.append(sorted(items[start : start + _RUN], key=key))
        yield LoadProgress(start, len(items), "Putting files in order")
    if len(runs) == 1:
        return runs[0]
    merged: list[T] = []
    for some in batches(heapq.merge(*runs, key=key), _MANY):
        merged += some
        yield LoadProgress(len(merged), len(items), "Putting files in order")
    return merged


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of ``size``, the last one shorter."""
    while some := list(islice(items, size)):
        yield some
