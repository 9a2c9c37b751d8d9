"""What a folder listed when it was last read, so that reading it again need only compare.

Names are listed again and every file is asked for its size and time, as a scan does; what is saved is sorting out
names, which takes longer than both. A listing holds for folders of plain files: with links, and where anything could
not be read, the folder is scanned anew.
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
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from latentlab.data.sources.scan import ListedFolder, Scan, batches
from latentlab.data.types import LoadProgress, Skipped
from latentlab.paths import cache_folder

_MOST = 64  # listings kept
_LARGEST = 500_000  # names: more would take too long to read at once
_AT_ONCE = 1000
_VERSION = 1
_SUPPORTED = os.stat in os.supports_dir_fd and os.scandir in os.supports_fd


def scan_from_cache(root: str) -> Generator[LoadProgress, None, Scan | None]:
    """Find a folder's files by its last listing.

    Returns
    -------
    What `latentlab.data.sources.scan.scan` would find; ``None`` when that has to be done.
    """
    found = _read(_file_of(root)) if _SUPPORTED else None
    if found is None:
        return None
    try:
        for listed in found.listed or ():
            if not (yield from _is_as_before(root, listed, found)):
                return None
    except OSError:
        return None
    return None if 0 in found.sizes else found


def store(root: str, found: Scan) -> None:
    """Keep what a scan found for the next time, where it can be."""
    if not _SUPPORTED or found.listed is None or sum(len(each.names) for each in found.listed) > _LARGEST:
        return
    file = _file_of(root)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix="unfinished-", dir=file.parent)
        try:
            with open(descriptor, "wb") as opened:
                opened.write(_packed(found, found.listed))
            os.replace(temporary, file)
        except OSError:
            os.unlink(temporary)
        for old in sorted(file.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)[:-_MOST]:
            old.unlink()


def _is_as_before(root: str, listed: ListedFolder, found: Scan) -> Generator[LoadProgress, None, bool]:
    """Compare one folder's names, and take size and time of each of its images; whether nothing else has changed."""
    folder = os.open(os.path.join(root, listed.folder), os.O_RDONLY)
    try:
        names: list[str] = []
        with os.scandir(folder) as entries:
            for some in batches(entries, _AT_ONCE):
                names += [entry.name for entry in some]
                yield LoadProgress(len(found.sizes), None, "Looking for changes")
        if names != listed.names:
            return False
        for part in batches(iter(listed.images), _AT_ONCE):
            states = [os.stat(name, dir_fd=folder) for name in part]
            if {stat.S_IFMT(state.st_mode) for state in states} != {stat.S_IFREG}:
                return False
            found.sizes.extend([state.st_size for state in states])
            found.times.extend([state.st_mtime_ns for state in states])
            yield LoadProgress(len(found.sizes), None, "Looking for changes")
        return all(stat.S_ISREG(os.stat(name, dir_fd=folder).st_mode) for name in listed.others)
    finally:
        os.close(folder)


def _packed(found: Scan, all_listed: list[ListedFolder]) -> bytes:
    """A checksum of the rest; how many names of which folder; the names, with zero bytes between them."""
    counts = [(each.folder, len(each.names), len(each.images), len(each.others)) for each in all_listed]
    head = json.dumps({
        "counts": counts,
        "empty_folders": found.empty_folders,
        "skipped": [(each.path, each.reason) for each in found.skipped],
        "label_file": found.label_file,
    })  # fmt: skip
    names = "\0".join(name for each in all_listed for part in (each.names, each.images, each.others) for name in part)
    rest = f"{head}\n{names}".encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(rest):08x}\n".encode() + rest


def _read(file: Path) -> Scan | None:
    """What was kept, without sizes and times; ``None`` when there is nothing, or it is damaged."""
    try:
        checksum, _, rest = file.read_bytes().partition(b"\n")
        if f"{zlib.crc32(rest):08x}".encode() != checksum:
            return None
        head, _, names = rest.decode("utf-8", "surrogateescape").partition("\n")
        return _unpacked(json.loads(head), names.split("\0"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unpacked(head: dict[str, Any], names: list[str]) -> Scan:
    all_listed: list[ListedFolder] = []
    found = Scan(
        empty_folders=head["empty_folders"],
        skipped=[Skipped(path, reason) for path, reason in head["skipped"]],
        label_file=head["label_file"],
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
    return found


def _file_of(root: str) -> Path:
    name = hashlib.blake2b(os.fsencode(os.path.realpath(root)), digest_size=16).hexdigest()
    return cache_folder() / "listings" / f"{name}-{_VERSION}"
