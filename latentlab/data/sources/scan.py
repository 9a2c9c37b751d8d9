"""Find the image files of a folder: regular files only, each folder once, opening only files of unknown names."""

from __future__ import annotations

import errno
import heapq
import os
import re
import stat
import time
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter, itemgetter
from typing import TypeVar

from latentlab.data.images.image_file import SUFFIXES, failure_reason, has_image_format
from latentlab.data.types import NO_IMAGE, LeftOut, LoadProgress
from latentlab.utils.gc_control import set_aside, without_collector

T = TypeVar("T")
FileState = tuple[int, int, int, int]  # bytes, times of the content's and of the inode's last change, inode number
_File = tuple[str, FileState]

_STEP_SECONDS = 0.03
_ENTRIES_PER_STEP = 200  # each is a system call
_NAMES_PER_STEP = 5_000
_SORTED_AT_ONCE = 20_000
_INODE_BITS = 2**64 - 1
_FREEZE_ABOVE = 100_000  # files; so many objects make garbage collection slow
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
# Of NAS systems, Windows, Linux, macOS and Jupyter: thumbnails and deleted files, never images of the dataset.
_SYSTEM_FOLDERS = frozenset(
    {"@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "recycler", "system volume information"}
    | {"lost+found", "__macosx", ".ipynb_checkpoints"}
)
_BROKEN_LINKS = {errno.ELOOP: "a circular link", errno.ENOENT: "a broken link"}
# Tables of labels and further columns that are read without being named; the second also in folders of splits.
_TABLES = ("labels.csv", "labels.tsv", "labels.jsonl")
_METADATA = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
_ADDRESS_END = re.compile(r"[?&#]")
_OTHER_SUFFIXES = frozenset(
    {".7z", ".ai", ".avi", ".bat", ".bin", ".bz2", ".c", ".cfg", ".ckpt", ".cpp", ".css", ".csv", ".db"}
    | {".dcm", ".doc", ".docx", ".eps", ".exe", ".gz", ".h", ".h5", ".hdf5", ".htm", ".html", ".ini", ".ipynb"}
    | {".js", ".json", ".jsonl", ".lock", ".log", ".mat", ".md", ".mkv", ".mov", ".mp3", ".mp4", ".npy"}
    | {".npz", ".ods", ".onnx", ".parquet", ".pdf", ".pickle", ".pkl", ".ppt", ".pptx", ".psd", ".pt", ".pth"}
    | {".py", ".pyc", ".rar", ".rst", ".safetensors", ".sh", ".sqlite", ".svg", ".tar", ".tex", ".tgz", ".toml"}
    | {".tsv", ".txt", ".wav", ".webm", ".xls", ".xlsx", ".xml", ".xz", ".yaml", ".yml", ".zip", ".zst"}
)
"""Files with these names are not opened to see whether they are images."""


@dataclass
class ListedFolder:
    """Names in one folder: all in listing order, the images sorted, and other regular files."""

    folder: str
    names: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@dataclass
class Scan:
    """The content of a folder.

    Attributes
    ----------
    paths
        Files with the name of an image, relative to the folder, with ``/``; sorted by folder and name.
    folders
        Relative path and number of images of each folder with images, in the same order.
    sizes, times, changes, inodes
        Size in bytes, modification time and time of the inode's change in nanoseconds, and inode number of each path. A
        file that was replaced by one with the same size and modification time has another of the last two.
    empty_folders
        Relative paths of empty folders.
    skipped
        Other files, and links, folders and files that cannot be read.
    tables
        Paths of ``labels.csv``, ``metadata.csv`` and the like at the top level, and of ``metadata.csv`` and the like in
        its folders.
    listed
        All folders, those with images first and in order; ``None`` if there are links, or files that are empty or
        cannot be read: changes of those cannot be detected from names.
    """

    paths: list[str] = field(default_factory=list)
    folders: list[tuple[str, int]] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    changes: array[int] = field(default_factory=lambda: array("q"))
    inodes: array[int] = field(default_factory=lambda: array("Q"))
    empty_folders: list[str] = field(default_factory=list)
    skipped: list[LeftOut] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    listed: list[ListedFolder] | None = None

    def add_states(self, states: Sequence[FileState]) -> None:
        """Append size, times and inode number of the next paths."""
        for number, column in enumerate((self.sizes, self.times, self.changes, self.inodes)):
            column.extend([state[number] for state in states])

    def states(self) -> bytes:
        """Sizes, times and inode numbers of all paths, to identify their content."""
        return b"".join(each.tobytes() for each in (self.sizes, self.times, self.changes, self.inodes))


def file_state(status: os.stat_result) -> FileState:
    """What tells a file from another one of the same name."""
    # Inode numbers have 128 bits on some systems.
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & _INODE_BITS


def is_system_folder(name: str) -> bool:
    """Whether a folder of this name is one that systems make for themselves, such as ``@eaDir``."""
    return name.lower() in _SYSTEM_FOLDERS


def printable(path: str) -> str:
    r"""A path as printable text: bytes that are not UTF-8 become ``\xNN``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def all_printable(paths: list[str]) -> list[str]:
    """Apply `printable` to all paths; returns the same list if none changes."""
    try:
        "".join(paths).encode()
    except UnicodeEncodeError:
        return [printable(path) for path in paths]
    return paths


def scan(root: str) -> Iterator[LoadProgress | Scan]:
    """Find the files of a folder with the name of an image; yields progress, then the `Scan`.

    Hidden files and folders are ignored. Links to folders are followed; every folder is visited once, by its real name
    if that lies within the root. Only regular files are opened, so that a FIFO or device cannot block, and only those
    whose names say neither that they are images nor that they are not.
    """
    scanner = _Scanner(root)
    with without_collector():
        yield from scanner.run()
        if len(scanner.result.paths) + len(scanner.result.skipped) > _FREEZE_ABOVE:
            set_aside()
    yield scanner.result


class _Scanner:
    def __init__(self, root: str) -> None:
        self.result = Scan()
        self._root = root
        self._top = os.path.realpath(root)
        self._visited: set[tuple[int, int]] = set()
        self._folders = [""]
        self._links: list[str] = []
        self._files: dict[tuple[str, ...], list[_File]] = {}
        self._listed: dict[str, ListedFolder] = {}
        self._is_cacheable = True
        self._system_folders: dict[str, int] = {}
        self._count = 0
        self._last = time.monotonic()

    def run(self) -> Iterator[LoadProgress]:
        """Visit real folders first, so that a link to one of them adds nothing."""
        while self._folders or self._links:
            if self._folders:
                yield from self._walk(self._folders.pop())
                continue
            self._is_cacheable = False
            if self._is_ancestor(self._links[0]):
                self._skip(self._links.pop(0), "a link to a folder that contains it")
            else:
                self._folders.append(self._links.pop(0))
        for folder in sorted(self._files):
            prefix = "".join(part + "/" for part in folder)
            self.result.folders.append((prefix[:-1], len(self._files[folder])))
            listed = self._listed[prefix[:-1]]
            files = yield from sorted_in_steps(self._files.pop(folder), itemgetter(0))
            for batch in batches(iter(files), _NAMES_PER_STEP):
                listed.images += [name for name, _ in batch]
                self.result.paths += [prefix + name for name, _ in batch]
                self.result.add_states([state for _, state in batch])
                yield from self._progress()
        self.result.tables.sort(key=table_order)
        self.result.skipped += [
            LeftOut(printable(name), f"a system's folder{f', in {count} places' if count > 1 else ''}", "folder")
            for name, count in self._system_folders.items()
        ]
        self.result.skipped = yield from sorted_in_steps(self.result.skipped, attrgetter("path"))
        if self._is_cacheable:
            with_images = [self._listed.pop(folder) for folder, _ in self.result.folders]
            self.result.listed = with_images + list(self._listed.values())

    def _is_ancestor(self, link: str) -> bool:
        target = os.path.realpath(os.path.join(self._root, link))
        return os.path.commonpath([target, self._top]) == target

    def _walk(self, folder: str) -> Iterator[LoadProgress]:
        path = os.path.join(self._root, folder)
        files: list[_File] = []
        listed = self._listed[folder] = ListedFolder(folder)
        found_any = False
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in self._visited:
                self._is_cacheable = False
                return
            self._visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                for batch in batches(entries, _ENTRIES_PER_STEP):
                    listed.names += [entry.name for entry in batch]
                    found_any |= self._sort_entries(folder + "/" if folder else "", batch, files, listed.others)
                    yield from self._progress()
        except OSError as error:
            self._skip(folder or ".", failure_reason(error))
        if files:
            self._files[tuple(folder.split("/")) if folder else ()] = files
        elif not found_any and folder:
            self.result.empty_folders.append(folder)

    def _sort_entries(
        self, prefix: str, entries: Sequence[os.DirEntry[str]], files: list[_File], others: list[str]
    ) -> bool:
        """Sort entries into folders, links, image files and skipped files; returns whether there were any."""
        found_any = False
        for entry in entries:
            name = entry.name
            lower = name.lower()
            if is_system_folder(name):
                self._system_folders[name] = self._system_folders.get(name, 0) + 1
                continue
            if lower[0] == "." or lower in _SYSTEM_FILES:
                continue
            dot = lower.rfind(".")
            found_any = True
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
            elif dot > 0 and lower[dot:] not in SUFFIXES and not self._is_image(prefix + name, lower, status.st_size):
                others.append(name)
                if _is_table(prefix, lower):
                    self.result.tables.append(prefix + name)
                else:
                    reason = f"{NO_IMAGE} ({printable(lower[dot:])})"
                    self.result.skipped.append(LeftOut(printable(prefix + name), reason))
            elif not status.st_size:
                self._skip(prefix + name, "empty file")
            else:
                files.append((name, file_state(status)))
        self._count += len(entries)
        return found_any

    def _is_image(self, path: str, lower: str, size: int) -> bool:
        """Whether a file without the name of an image is one: ``photo.jpg?w=800``, or by its first bytes."""
        suffix = "." + _ADDRESS_END.split(lower, 1)[0].rpartition(".")[2]
        if suffix in SUFFIXES:
            return True
        if suffix in _OTHER_SUFFIXES or not size:
            return False
        return has_image_format(os.path.join(self._root, path))

    def _skip(self, path: str, reason: str) -> None:
        self._is_cacheable = False
        self.result.skipped.append(LeftOut(printable(path), reason))

    def _progress(self) -> Iterator[LoadProgress]:
        now = time.monotonic()
        if now - self._last > _STEP_SECONDS:
            self._last = now
            yield LoadProgress(self._count, None, "Looking for images")


def _is_table(prefix: str, name: str) -> bool:
    """Whether a file is a table that is read without being named."""
    return (not prefix and name in _TABLES) or (prefix.count("/") <= 2 and name in _METADATA)


def is_table(path: str) -> bool:
    """Whether a file is a table of labels or columns, by its name."""
    return path.rpartition("/")[2].lower() in (*_TABLES, *_METADATA)


def table_order(path: str) -> tuple[int, bool, str]:
    """Tables of the top first, and labels before metadata."""
    folder, _, name = path.rpartition("/")
    return len(folder.split("/")) if folder else 0, name.lower() in _METADATA, path


def sorted_in_steps(items: list[T], key: Callable[[T], str]) -> Generator[LoadProgress, None, list[T]]:
    """Sort in steps and yield in between: sorting a million at once takes too long."""
    parts = []
    for start in range(0, len(items), _SORTED_AT_ONCE):
        parts.append(sorted(items[start : start + _SORTED_AT_ONCE], key=key))
        yield LoadProgress(start, len(items), "Sorting files")
    if len(parts) == 1:
        return parts[0]
    merged: list[T] = []
    for batch in batches(heapq.merge(*parts, key=key), _NAMES_PER_STEP):
        merged += batch
        yield LoadProgress(len(merged), len(items), "Sorting files")
    return merged


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Split into lists of ``size`` items; the last may be shorter."""
    while batch := list(islice(items, size)):
        yield batch
