"""Zip archives of images, read in place."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from latentlab.data.images.image_file import UnreadableError, open_regular
from latentlab.data.loading.fetcher import Fetch, Payload
from latentlab.data.loading.in_thread import run_in_thread
from latentlab.data.sources.archive import (
    is_ignored,
    left_out_member,
    member_fault,
    member_limit,
    tidy,
)
from latentlab.data.sources.archive_tables import ArchiveTables
from latentlab.data.sources.array_dataset import cache_identity, unlabelled
from latentlab.data.sources.items import ImageItems
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes, format_bytes

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_DEFLATE_RATIO = 1032  # the largest ratio that deflate can reach
_SLACK = 64
_ALWAYS_ALLOWED = 64 << 20
_LARGEST_RATIO = 200  # images and tables hardly shrink that much
_ENCRYPTED = 0x1
_END = b"PK\x05\x06"
_END64_LOCATOR = b"PK\x06\x07"
_LONGEST_COMMENT = 65_535
_BYTES_PER_ENTRY = 20  # memory of an entry of the directory, as a multiple of its bytes in the file


def is_zip(path: Path) -> bool:
    """Whether a file is a zip archive, by its first bytes."""
    try:
        with open_regular(path) as file:
            return file.read(4) in _MAGIC
    except (OSError, UnreadableError):
        return False


def open_zip(path: Path) -> Generator[LoadProgress, None, ImageItems]:
    """List and label the images of an archive.

    Raises
    ------
    InputError
        When the archive is damaged, or its directory is too large.
    """
    tables = ArchiveTables()
    listing = partial(_listed, path, tables)
    members, left_out = yield from run_in_thread(listing, LoadProgress(0, None, f"Reading {path.name}"))
    names = list(members)
    listed = yield from tables.read(names)
    return ImageItems(
        names=names,
        labels=unlabelled(0) if listed.labels is None else listed.labels,
        classes=listed.classes,
        name=path.stem,
        source=str(path),
        place=path.name,
        cache_identity=cache_identity(path),
        open_reader=partial(_reader, path, [members[name] for name in names]),
        left_out=left_out + listed.left_out,
        metadata=listed.metadata,
        splits=listed.splits,
        notes=listed.notes,
    )


def _listed(path: Path, tables: ArchiveTables) -> tuple[dict[str, zipfile.ZipInfo], list[LeftOut]]:
    """The images by name, and the other members. Of two members with one name the last counts, as when unpacking."""
    members: dict[str, zipfile.ZipInfo] = {}
    left_out: list[LeftOut] = []
    limit = member_limit()
    try:
        with open_regular(path) as file:
            _check_directory(path, file.fileno())
            with zipfile.ZipFile(file) as archive:
                for info in archive.infolist():
                    name = tidy(info.filename)
                    if info.is_dir() or is_ignored(name):
                        continue
                    if not _fault(info) and tables.wants(name, info.file_size, limit):
                        content = _content(archive, info, limit)
                        if isinstance(content, bytes):
                            tables.add(name, content)
                            continue
                    fault = _fault(info) or member_fault(name, info.file_size, limit)
                    if fault or name in members:
                        left_out.append(left_out_member(name, fault or "there is another file of this name"))
                    if not fault:
                        members[name] = info
    except UnreadableError as error:
        raise InputError(f"{path.name} cannot be read: {error}") from None
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise InputError(f"{path.name} is a damaged zip archive: {error}") from None
    return members, left_out


def _check_directory(path: Path, descriptor: int) -> None:
    """Refuse a directory of members that does not fit into memory, before it is read."""
    size = os.fstat(descriptor).st_size
    with open(os.dup(descriptor), "rb") as file:
        start = max(0, size - _LONGEST_COMMENT - 22)
        file.seek(start)
        tail = file.read()
        end = tail.rfind(_END)
        if end < 0 or end + 22 > len(tail):
            return  # zipfile reports it
        (directory,) = struct.unpack_from("<I", tail, end + 12)
        locator = end - 20
        if directory == 0xFFFFFFFF and locator >= 0 and tail[locator : locator + 4] == _END64_LOCATOR:
            file.seek(min(struct.unpack_from("<Q", tail, locator + 8)[0], size))
            record = file.read(56)
            directory = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else 0
        file.seek(0)
    if min(directory, size) * _BYTES_PER_ENTRY > available_bytes():
        raise InputError(f"{path.name} lists its files in {directory >> 20:,} MB, too many for the available memory")


def _fault(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    if info.compress_type == zipfile.ZIP_DEFLATED and info.file_size > info.compress_size * _DEFLATE_RATIO + _SLACK:
        return f"announces {info.file_size:,} bytes, more than its {info.compress_size:,} compressed bytes can hold"
    limit = max(_ALWAYS_ALLOWED, info.compress_size * _LARGEST_RATIO)
    if info.file_size > limit:
        return (
            f"unpacks from {format_bytes(info.compress_size)} to {format_bytes(info.file_size)}, more than "
            f"the limit of {format_bytes(limit)} for a file of this size"
        )
    return ""


@contextmanager
def _reader(path: Path, members: Sequence[zipfile.ZipInfo]) -> Iterator[Fetch]:
    limit = member_limit()
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:

        def fetch(numbers: Sequence[int]) -> Iterator[Payload]:
            for number in numbers:
                yield _content(archive, members[number], limit)

        yield fetch


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> Payload:
    try:
        with archive.open(info) as member:
            content = member.read(min(limit, info.file_size) + 1)
    except NotImplementedError:
        return UnreadableError(f"compressed by method {info.compress_type}, which cannot be read")
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        return UnreadableError(f"damaged: {error}")
    if len(content) != info.file_size:
        return UnreadableError(f"damaged: {len(content):,} bytes instead of {info.file_size:,}")
    return content
