"""Tar archives of images, plain or compressed, and WebDataset shards, read in place.

A plain archive is read at any position; a compressed one as a stream, once for its list and once for its images.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

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
from latentlab.data.sources.webdataset import Sidecars
from latentlab.data.types import LeftOut, LoadProgress
from latentlab.errors import InputError
from latentlab.utils.memory import available_bytes

_STREAMS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda file: cast(BinaryIO, gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast(BinaryIO, bz2.BZ2File(file)),
    b"\xfd7zXZ\0": lambda file: cast(BinaryIO, lzma.LZMAFile(file)),  # noqa: SIM115
}
_BLOCK = 512
_LARGEST_HEADER = 1 << 20
_SKIPPED_AT_ONCE = 1 << 20
_LISTED_SECONDS = 0.2
# Images hardly shrink any further: an archive that grows more than this is not one of images.
_LARGEST_RATIO = 200
_ALWAYS_ALLOWED = 4 << 30
_MEMORY_PER_FILE = 2000  # bytes, until the images have been decoded
_DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class _Member:
    offset: int
    size: int


@dataclass
class _Listing:
    """The images by name, the other members, and what lies beside the images in WebDataset shards."""

    members: dict[str, _Member] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    sidecars: Sidecars = field(default_factory=Sidecars)
    tables: ArchiveTables = field(default_factory=ArchiveTables)
    fault: str = ""
    limit: int = field(default_factory=member_limit)
    most: int = field(default_factory=lambda: available_bytes() // _MEMORY_PER_FILE)

    @property
    def count(self) -> int:
        """Number of files so far."""
        return len(self.members) + len(self.left_out)

    def is_full(self) -> bool:
        """Whether there are more files than the memory allows to list."""
        return self.count > self.most


class _Stream(io.RawIOBase):
    """A file or decompressed stream for `tarfile` that is only read in small pieces, up to a limit.

    tarfile reads a header of any announced size in one piece, and skips by `seek`.
    """

    def __init__(self, file: BinaryIO, is_compressed: bool, most: int) -> None:
        self._file, self._is_compressed, self._most = file, is_compressed, most

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET or position < 0:
            raise tarfile.ReadError("an impossible position")
        if self._is_compressed and position > self._most:
            raise tarfile.ReadError(f"it unpacks to more than {self._most >> 30} GB, which no images do")
        while self._is_compressed and self._file.tell() < position:
            if not self._file.read(min(_SKIPPED_AT_ONCE, position - self._file.tell())):
                break
        if not self._is_compressed:
            self._file.seek(position)
        return self._file.tell()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The archive's bytes, decompressed; and whether they were compressed."""
    with open_regular(path) as file:
        start = file.read(6)
        file.seek(0)
        stream = next((opened for magic, opened in _STREAMS.items() if start.startswith(magic)), None)
        if stream is None:
            yield file, False
        else:
            with stream(file) as decompressed:
                yield decompressed, True


def is_tar(path: Path) -> bool:
    """Whether a file is a tar archive, plain or compressed, by its first block."""
    try:
        with _opened(path) as (file, _):
            block = file.read(_BLOCK)
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (*_DAMAGED, UnreadableError):
        return False
    return True


def open_tar(path: Path) -> Generator[LoadProgress, None, ImageItems]:
    """List and label the images of an archive.

    In a WebDataset shard, ``0001.cls`` and ``0001.json`` belong to ``0001.jpg``: the label and further columns.
    Otherwise the folders in the names give labels.

    Raises
    ------
    InputError
        When no image can be listed because the archive is damaged or unpacks to too much.
    """
    listing = _Listing()
    lister = _list_members(path, listing)
    while (yield from run_in_thread(lambda: next(lister, None), _progress(path, listing))) is not None:
        continue
    if listing.fault and not listing.members:
        raise InputError(f"{path.name} cannot be read: {listing.fault}")
    if listing.fault:
        listing.left_out.append(LeftOut(path.name, f"the rest of the archive: {listing.fault}"))
    names = list(listing.members)  # as they lie in the archive, so that a stream is read once
    listed = yield from listing.tables.read(names)
    meaning = listing.sidecars.meaning(names)
    if meaning.labels is not None:
        listed.labels, listed.classes = meaning.labels, meaning.classes
    return ImageItems(
        names=names,
        labels=unlabelled(0) if listed.labels is None else listed.labels,
        classes=listed.classes,
        name=path.name.partition(".")[0],
        source=str(path),
        place=path.name,
        cache_identity=cache_identity(path),
        open_reader=partial(_reader, path, [listing.members[name] for name in names]),
        left_out=listing.left_out + listing.sidecars.left_out(names) + meaning.left_out + listed.left_out,
        metadata={**listed.metadata, **meaning.columns},
        splits=listed.splits,
        notes=[*listed.notes, *filter(None, [meaning.note])],
    )


def _progress(path: Path, listing: _Listing) -> LoadProgress:
    return LoadProgress(len(listing.members), None, f"Reading {path.name}")


def _list_members(path: Path, listing: _Listing) -> Iterator[bool]:
    """List all members, and yield every 0.2 s."""
    began = time.monotonic()
    try:
        most = path.stat().st_size * _LARGEST_RATIO + _ALWAYS_ALLOWED
        with _opened(path) as (file, is_compressed):
            stream = _Stream(file, is_compressed, most)
            with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:", errorlevel=0) as archive:
                while (info := archive.next()) is not None:
                    archive.members = []  # type: ignore[attr-defined]  # kept only for extracting
                    _list_member(info, file, listing)
                    if listing.is_full():
                        listing.fault = f"it has more than {listing.count:,} files, too many for the available memory"
                        return
                    if time.monotonic() - began > _LISTED_SECONDS:
                        yield True
                        began = time.monotonic()
    except UnreadableError as error:
        listing.fault = str(error)
    except _DAMAGED as error:
        listing.fault = f"damaged: {error}"


def _list_member(info: tarfile.TarInfo, file: BinaryIO, listing: _Listing) -> None:
    name = tidy(info.name)
    if info.isdir() or is_ignored(name):
        return
    if not info.isreg() or info.sparse is not None:
        kind = "a link" if info.issym() or info.islnk() else "a sparse file" if info.isreg() else "not a regular file"
        listing.left_out.append(left_out_member(name, kind))
        return
    if listing.tables.wants(name, info.size, listing.limit):
        file.seek(info.offset_data)
        listing.tables.add(name, file.read(info.size))
        return
    if listing.sidecars.wants(name, info.size):
        file.seek(info.offset_data)
        listing.sidecars.add(name, file.read(info.size))
        return
    fault = member_fault(name, info.size, listing.limit)
    if fault or name in listing.members:
        listing.left_out.append(left_out_member(name, fault or "there is another file of this name"))
    if not fault:
        listing.members[name] = _Member(info.offset_data, info.size)


@contextmanager
def _reader(path: Path, members: Sequence[_Member]) -> Iterator[Fetch]:
    limit = member_limit()
    with _opened(path) as (file, _):

        def fetch(numbers: Sequence[int]) -> Iterator[Payload]:
            for number in numbers:
                member = members[number]
                file.seek(member.offset)
                content = file.read(min(member.size, limit))
                yield content if len(content) == member.size else UnreadableError("damaged: the archive ends within it")

        yield fetch
