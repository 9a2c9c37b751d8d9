"""What zip and tar archives have in common: which members are images, and how their names give labels.

A member's name is only a name: nothing is unpacked, and ``../../x.png`` is an image like any other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import PurePosixPath

from latentlab.data.images.image_file import SUFFIXES
from latentlab.data.sources.class_folders import class_folders
from latentlab.data.sources.scan import is_system_folder, printable
from latentlab.data.types import NO_IMAGE, Labels, LeftOut
from latentlab.utils.memory import available_bytes, format_bytes

ARCHIVE_SUFFIXES = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"})
_SMALLEST_LIMIT = 64 << 20
_MEMORY_FRACTION = 8  # a few members are in memory at a time


def member_limit() -> int:
    """The largest size in bytes of a member that is read: an eighth of the available memory, at least 64 MB."""
    return max(_SMALLEST_LIMIT, available_bytes() // _MEMORY_FRACTION)


def member_fault(name: str, size: int, limit: int) -> str:
    """Why a member is not read as an image, judged by its name and announced size; empty for an image.

    Parameters
    ----------
    name, size, limit
        The member's, and the largest size that is read, `member_limit`.
    """
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix in ARCHIVE_SUFFIXES:
        return "an archive within the archive"
    if suffix not in SUFFIXES:
        return f"{NO_IMAGE} ({printable(suffix) or 'no suffix'})"
    if size == 0:
        return "empty file"
    if size > limit:
        return f"unpacks to {format_bytes(size)}, more than the limit of {format_bytes(limit)} on this machine"
    return ""


def is_ignored(name: str) -> bool:
    """Whether a member is hidden, or one that only the operating system needs."""
    parts = PurePosixPath(name).parts
    is_hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return not parts or is_hidden or any(map(is_system_folder, parts[:-1]))


def tidy(name: str) -> str:
    """A member's name without ``./`` and with ``/``."""
    return name.replace("\\", "/").removeprefix("./")


def left_out_member(name: str, reason: str) -> LeftOut:
    """A member that is not among the images."""
    return LeftOut(printable(name), reason)


def folders_of_names(names: Sequence[str]) -> list[tuple[str, int]]:
    """The folders in the names of images, each with the number of images that follow each other in it."""
    return [(folder, sum(1 for _ in group)) for folder, group in itertools.groupby(names, _folder_of)]


def labels_of_names(names: Sequence[str]) -> tuple[Labels, tuple[str, ...]]:
    """Labels of images by the folders in their names."""
    return class_folders(folders_of_names(names))


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]
