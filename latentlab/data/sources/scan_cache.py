"""Stores the listing of a folder, so that opening it again only compares names.

Names are listed again, and size and time of every file are read, as in a scan; sorting the names, which takes longer
than both, is saved. Folders with links or unreadable files are not stored and always scanned.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import zlib
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, get_args

from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.scan import ListedFolder, Scan, batches, file_state
from latentlab.data.types import LeftOut, LeftOutKind, LoadProgress
from latentlab.paths import cache_folder

_MAX_LISTINGS = 64
_MAX_NAMES = 500_000  # reading more at once would take too long
_LARGEST_FILE = 64 << 20  # bytes
_NAMES_PER_STEP = 1000
_VERSION = 2
_SUPPORTED = os.stat in os.supports_dir_fd and os.scandir in os.supports_fd


def scan_from_cache(root: str) -> Generator[LoadProgress, None, Scan | None]:
    """Find a folder's files with its stored listing.

    Returns
    -------
    The result of `latentlab.data.sources.scan.scan`; ``None`` if the folder has changed or was not stored.
    """
    if not _SUPPORTED:
        return None
    found = yield from run_in_thread(partial(_read, _file_of(root)), LoadProgress(0, None, "Checking for changes"))
    if found is None:
        return None
    try:
        for listed in found.listed or ():
            if not (yield from _is_unchanged(root, listed, found)):
                return None
    except OSError:
        return None
    return None if 0 in found.sizes else found


def store(root: str, found: Scan) -> None:
    """Store a scan, if possible."""
    if not _SUPPORTED or found.listed is None or sum(len(each.names) for each in found.listed) > _MAX_NAMES:
        return
    file, content = _file_of(root), _packed(found, found.listed)
    if len(content) > _LARGEST_FILE:
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix="unfinished-", dir=file.parent)
        try:
            with open(descriptor, "wb") as opened:
                opened.write(content)
            os.replace(temporary, file)
        except OSError:
            os.unlink(temporary)
        for old in sorted(file.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)[:-_MAX_LISTINGS]:
            old.unlink()


def _is_unchanged(root: str, listed: ListedFolder, found: Scan) -> Generator[LoadProgress, None, bool]:
    """Compare one folder's names, and read size and time of its images; returns whether nothing else changed."""
    folder = os.open(os.path.join(root, listed.folder), os.O_RDONLY)
    try:
        names: list[str] = []
        with os.scandir(folder) as entries:
            for batch in batches(entries, _NAMES_PER_STEP):
                names += [entry.name for entry in batch]
                yield LoadProgress(len(found.sizes), None, "Checking for changes")
        if names != listed.names or not _has_all_once(names, listed.images + listed.others):
            return False
        for part in batches(iter(listed.images), _NAMES_PER_STEP):
            states = [os.stat(name, dir_fd=folder) for name in part]
            if {stat.S_IFMT(state.st_mode) for state in states} != {stat.S_IFREG}:
                return False
            found.add_states([file_state(state) for state in states])
            yield LoadProgress(len(found.sizes), None, "Checking for changes")
        return all(stat.S_ISREG(os.stat(name, dir_fd=folder).st_mode) for name in listed.others)
    finally:
        os.close(folder)


def _packed(found: Scan, all_listed: list[ListedFolder]) -> bytes:
    """A checksum of the rest, the number of names of each folder, and the names separated by zero bytes."""
    counts = [(each.folder, len(each.names), len(each.images), len(each.others)) for each in all_listed]
    head = json.dumps({
        "counts": counts,
        "empty_folders": found.empty_folders,
        "skipped": [(each.path, each.reason, each.kind) for each in found.skipped],
        "tables": found.tables,
    })  # fmt: skip
    names = "\0".join(name for each in all_listed for part in (each.names, each.images, each.others) for name in part)
    rest = f"{head}\n{names}".encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(rest):08x}\n".encode() + rest


def _read(file: Path) -> Scan | None:
    """The stored scan without sizes and times; ``None`` if it is missing or damaged, or no scan could have it."""
    try:
        if not os.path.isfile(file) or file.stat().st_size > _LARGEST_FILE:
            return None
        checksum, _, rest = file.read_bytes().partition(b"\n")
        if f"{zlib.crc32(rest):08x}".encode() != checksum:
            return None
        head, _, names = rest.decode("utf-8", "surrogateescape").partition("\n")
        return _unpacked(json.loads(head), names.split("\0"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _has_all_once(names: list[str], chosen: list[str]) -> bool:
    """Whether each of ``chosen`` is one of ``names``, and none is there twice."""
    distinct = set(chosen)
    return len(distinct) == len(chosen) and distinct.issubset(names)


def _is_inside(folder: str) -> bool:
    """Whether a path of a folder stays within the root."""
    return folder == "" or not {"", ".", ".."}.intersection(folder.split("/"))


def _check(head: dict[str, Any], names: list[str]) -> None:
    """Raise ``ValueError`` for what no scan has stored; names are compared with the folder's own later."""
    if not all(isinstance(head[name], list) for name in ("empty_folders", "skipped", "tables")):
        raise ValueError("a list is missing")
    folders = [folder for folder, *_counts in head["counts"]]
    counts = [count for _folder, *three in head["counts"] for count in three]
    is_counted = all(len(entry) == 4 for entry in head["counts"]) and all(type(each) is int for each in counts)
    if not is_counted or min(counts, default=0) < 0 or max(sum(counts), 1) != len(names):
        raise ValueError("the counts are not those of the names")
    if not all(map(_is_inside, [*folders, *head["empty_folders"]])) or len(set(folders)) < len(folders):
        raise ValueError("a folder is outside, or listed twice")
    if not all(
        isinstance(path, str) and isinstance(reason, str) and kind in get_args(LeftOutKind)
        for path, reason, kind in head["skipped"]
    ):
        raise ValueError("what was left out is not described")


def _unpacked(head: dict[str, Any], names: list[str]) -> Scan:
    _check(head, names)
    all_listed: list[ListedFolder] = []
    found = Scan(
        empty_folders=head["empty_folders"],
        skipped=[LeftOut(*each) for each in head["skipped"]],
        tables=head["tables"],
        listed=all_listed,
    )
    start = 0
    for folder, *counts in head["counts"]:
        ends = list(accumulate(counts, initial=start))
        listed = ListedFolder(folder, *(names[begin:end] for begin, end in pairwise(ends)))
        start = ends[-1]
        all_listed.append(listed)
        if listed.images:
            prefix = folder and folder + "/"
            found.folders.append((folder, len(listed.images)))
            found.paths += [prefix + name for name in listed.images]
    others = {f"{each.folder}/{name}".lstrip("/") for each in all_listed for name in each.others}
    if not _has_all_once([*others], found.tables):
        raise ValueError("a table is not one of the files")
    return found


def _file_of(root: str) -> Path:
    name = hashlib.blake2b(os.fsencode(os.path.realpath(root)), digest_size=16).hexdigest()
    return cache_folder() / "listings" / f"{name}-{_VERSION}"
