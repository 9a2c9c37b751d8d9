"""What the headers of a folder's files say, and the values of some: frames, sizes, and the facts for the value range.

Files that may have frames, by their names, are all opened; of the others up to 1,000 that are evenly spaced. If a file
turns out to be different while it is decoded, the survey is made again with all files.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import zipfile
from collections.abc import Generator, Sequence
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config.data import DataConfig
from latentlab.data.images.image_file import FileItem, UnreadableError, read_facts, read_raw_values
from latentlab.data.images.library_warnings import collected_warnings
from latentlab.data.images.resize import Size
from latentlab.data.images.value_range import ValueFacts, ValueScan
from latentlab.data.loading.fetcher import Fetcher, OpenReader, Payload
from latentlab.data.loading.in_thread import POLL_SECONDS
from latentlab.data.types import Labels, LoadProgress
from latentlab.paths import cache_folder

_MAX_MEASURED = 1000
_MAX_FETCHED = 100
_FETCHED_AT_ONCE = 10
_MAX_SCANNED = 256  # images whose values are looked at, of each type
_SCAN_SECONDS = 4.0
_ENOUGH, _ENOUGH_SECONDS = 24, 0.2  # images and seconds after which 8-bit images with usual values are left alone
_STEP_SECONDS = 0.03
_NAMES_PER_STEP = 50_000
_MAX_STORED = 64
_VERSION = 3
_FRAME_SUFFIXES = (".gif", ".tif", ".tiff", ".apng", ".webp", ".avif", ".avifs")


@dataclass(frozen=True)
class Survey:
    """What is known about the files of a folder.

    Attributes
    ----------
    is_complete
        Whether all files have been opened.
    frames
        int64 [files]: number of frames of each file; ``None`` if every file has one.
    facts
        About the values of each type of images, the most frequent first.
    sizes
        Upright sizes of up to 1,000 files.
    """

    is_complete: bool = False
    frames: NDArray[np.int64] | None = None
    facts: tuple[ValueFacts, ...] = ()
    sizes: tuple[Size, ...] = ()

    def samples(self, files: int, config: DataConfig) -> Samples:
        """The images of ``files`` files with a configuration's choice of frames."""
        step = config.frame_step
        if self.frames is None or step is None:
            return Samples(files)
        counts = -(-self.frames // step)
        file = np.repeat(np.arange(files, dtype=np.int64), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        return Samples(len(file), file, (np.arange(len(file), dtype=np.int64) - first) * step, self.frames)


@dataclass(frozen=True)
class Samples:
    """The images of a folder: files, or frames of files.

    Attributes
    ----------
    count
        Number of images.
    file, frame
        int64 [count]: number of the file and of the frame in it; ``None`` if every file is one image.
    frames
        int64 [files]: number of frames of each file; ``None`` like ``file``.
    """

    count: int
    file: NDArray[np.int64] | None = None
    frame: NDArray[np.int64] | None = None
    frames: NDArray[np.int64] | None = None

    def is_frame(self, image: int) -> bool:
        """Whether an image is one of several frames of its file."""
        return self.file is not None and self.frames is not None and bool(self.frames[self.file[image]] > 1)

    def per_image(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values [files] repeated for each image [count]."""
        return values if self.file is None else values[self.file]

    def items(self, paths: Sequence[str], index: Labels) -> list[FileItem]:
        """What to decode for the images ``index``."""
        if self.file is None or self.frame is None or self.frames is None:
            return [paths[number] for number in index.tolist()]
        return [(paths[file], frame, count) for file, frame, count in self.frames_of(index) or ()]

    def frames_of(self, index: Labels) -> list[tuple[int, int, int]] | None:
        """File, frame and number of frames of the images ``index``; ``None`` if every file is one image."""
        if self.file is None or self.frame is None or self.frames is None:
            return None
        files = self.file[index]
        return list(zip(files.tolist(), self.frame[index].tolist(), self.frames[files].tolist(), strict=True))

    def names(self, paths: Sequence[str], index: Labels) -> list[str]:
        """Names of the images ``index``: the path, with ``#frame`` where a file has several frames."""
        if self.file is None or self.frame is None or self.frames is None:
            return [paths[number] for number in index.tolist()]
        files = self.file[index]
        several = self.frames[files] > 1
        return [
            f"{paths[file]}#{frame}" if has_several else paths[file]
            for file, frame, has_several in zip(
                files.tolist(), self.frame[index].tolist(), several.tolist(), strict=True
            )
        ]


def item_of(folder: Path, name: str) -> tuple[str, int]:
    """Path and frame of an image of a folder, by its name as `Samples.names` writes it."""
    if not os.path.exists(folder / name):
        path, mark, frame = name.rpartition("#")
        if mark and frame.isdecimal():
            return str(folder / path), int(frame)
    return str(folder / name), 0


def survey_files(
    folder: str, paths: Sequence[str], config: DataConfig, identity: str, complete: bool = False
) -> Generator[LoadProgress, None, Survey]:
    """Open some files of a folder, or take the stored survey; yields progress.

    Parameters
    ----------
    folder, paths
        The folder, and its files' paths relative to it.
    config
        Decides whether frames need to be counted.
    identity
        Identifies the files and their content.
    complete
        Open all files; a stored survey is used only if it is of all of them.
    """
    counted = config.frame_step is not None
    store = _file_of(f"{identity}{counted}")
    stored = _read(store, len(paths))
    if stored is not None and stored.is_complete >= complete:
        return stored
    work = _Work(folder, paths, counted)
    with collected_warnings():
        yield from work.read_headers((yield from _chosen(paths, counted, complete)))
        facts = yield from work.scan_values()
    found = Survey(complete or len(work.frames) == len(paths), work.frame_counts(), facts, tuple(work.sizes))
    _write(store, found)
    return found


def survey_fetched(
    open_reader: OpenReader, count: int, config: DataConfig, identity: str, complete: bool = False
) -> Generator[LoadProgress, None, Survey]:
    """Look at the first images of a source from which they are fetched, or take the stored survey; yields progress.

    Types that are not among these images have the range of 16 bits or 0 to 1. Once a file has several frames, those of
    all files are counted.

    Parameters
    ----------
    open_reader, count
        Opens the source, and its number of files.
    config
        Decides whether frames need to be counted.
    identity
        Identifies the files and their content.
    complete
        Count the frames of all files; a stored survey is used only if it has.
    """
    counted = config.frame_step is not None
    store = _file_of(f"{identity}{counted}")
    stored = _read(store, count)
    if stored is not None and stored.is_complete >= (complete and counted):
        return stored
    sizes: list[Size] = []
    scans: dict[str, ValueScan] = {}
    frames = np.ones(count, dtype=np.int64)
    with Fetcher(open_reader) as fetcher, collected_warnings():
        start = 0
        while start < count and (start < _MAX_FETCHED or complete or (frames > 1).any()):
            batch = fetcher.submit(range(start, min(start + _FETCHED_AT_ONCE, count)))
            while not batch.done():
                wait([batch], POLL_SECONDS)
                yield LoadProgress(start, count, "Measuring images")
            for number, payload in enumerate(batch.result(), start):
                with suppress(UnreadableError):
                    frames[number] = _look_at(payload, sizes, scans, counted, only_frames=number >= _MAX_FETCHED)
                yield LoadProgress(start, count, "Measuring images")
            start += _FETCHED_AT_ONCE
    scanned = sorted(scans.values(), key=lambda scan: -scan.scanned)
    facts = tuple(replace(scan.facts(), total=scan.scanned) for scan in scanned)
    found = Survey(start >= count, frames if (frames > 1).any() else None, facts, tuple(sizes))
    _write(store, found)
    return found


def _look_at(payload: Payload, sizes: list[Size], scans: dict[str, ValueScan], counted: bool, only_frames: bool) -> int:
    """Add an image's size, and its values if they may be needed; returns the number of frames of its file."""
    if isinstance(payload, str | bytes):
        facts = read_facts(payload, count_frames=counted)
        if only_frames:
            return facts.frames
        sizes.append(facts.size)
        enough = scans.get("eight")
        if enough is None or not enough.needs_no_more() or enough.scanned < _ENOUGH:
            raw = read_raw_values(payload)
            if raw is not None:
                _add_values(raw.values, raw.bits, scans)
        return facts.frames
    if isinstance(payload, np.ndarray) and payload.ndim >= 2 and not only_frames:
        sizes.append((payload.shape[1], payload.shape[0]))
        values = payload[..., :-1] if payload.ndim == 3 and payload.shape[2] in (2, 4) else payload
        if values.dtype.kind in "iuf":
            _add_values(values, None, scans)
    return 1


def _add_values(values: NDArray[Any], bits: int | None, scans: dict[str, ValueScan]) -> None:
    group = "real" if values.dtype.kind == "f" else "eight" if values.dtype == np.uint8 else "whole"
    scans.setdefault(group, ValueScan(values.dtype, bits)).add(values)


def _chosen(paths: Sequence[str], counted: bool, complete: bool) -> Generator[LoadProgress, None, list[int]]:
    """Numbers of the files to open, ascending."""
    if complete:
        return list(range(len(paths)))
    chosen = set(_evenly(len(paths), _MAX_MEASURED))
    for start in range(0, len(paths) if counted else 0, _NAMES_PER_STEP):
        part = paths[start : start + _NAMES_PER_STEP]
        chosen.update(n for n, path in enumerate(part, start) if path.lower().endswith(_FRAME_SUFFIXES))
        yield LoadProgress(start, len(paths), "Measuring images")
    return sorted(chosen)


def _evenly(count: int, most: int) -> list[int]:
    """Up to ``most`` evenly spaced numbers below ``count``."""
    numbers: list[int] = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)).tolist()
    return numbers


@dataclass
class _Work:
    """A survey that is being made."""

    folder: str
    paths: Sequence[str]
    counted: bool
    sizes: list[Size] = field(default_factory=list)
    frames: dict[int, int] = field(default_factory=dict)
    by_group: dict[str, list[int]] = field(default_factory=dict)
    _last: float = field(default_factory=time.monotonic)

    def read_headers(self, chosen: list[int]) -> Generator[LoadProgress, None, None]:
        """Read the headers of the chosen files; those that cannot be read are reported when they are decoded."""
        measured = set(_evenly(len(self.paths), _MAX_MEASURED))
        for done, number in enumerate(chosen):
            with suppress(UnreadableError):
                facts = read_facts(os.path.join(self.folder, self.paths[number]), self.counted)
                self.frames[number] = facts.frames
                self.by_group.setdefault(facts.group, []).append(number)
                if number in measured:
                    self.sizes.append(facts.size)
            if self._is_due():
                yield LoadProgress(done, len(chosen), "Measuring images")

    def frame_counts(self) -> NDArray[np.int64] | None:
        """Frames of each file; ``None`` if every file has one."""
        several = [(number, count) for number, count in self.frames.items() if count > 1]
        if not several:
            return None
        counts = np.ones(len(self.paths), dtype=np.int64)
        for number, count in several:
            counts[number] = count
        return counts

    def scan_values(self) -> Generator[LoadProgress, None, tuple[ValueFacts, ...]]:
        """Look at the values of some images of each type."""
        groups = sorted((group for group in self.by_group if group), key=lambda group: -len(self.by_group[group]))
        found = []
        for group in groups:
            facts = yield from self._scan(self.by_group[group])
            if facts is not None:
                found.append(facts)
        return tuple(found)

    def _scan(self, files: list[int]) -> Generator[LoadProgress, None, ValueFacts | None]:
        images = [(file, frame) for file in _spread(files) for frame in self._some_frames(file, len(files))]
        total = sum(self.frames[file] for file in files)
        scan: ValueScan | None = None
        began = time.monotonic()
        for file, frame in images[:_MAX_SCANNED]:
            with suppress(UnreadableError):
                raw = read_raw_values(os.path.join(self.folder, self.paths[file]), frame)
                if raw is None:
                    continue
                scan = scan or ValueScan(raw.values.dtype, raw.bits, total)
                scan.bits = raw.bits if scan.bits is not None and raw.bits == scan.bits else None
                scan.add(raw.values)
            spent = time.monotonic() - began
            if scan is not None and scan.needs_no_more():
                if scan.scanned >= _ENOUGH or spent > _ENOUGH_SECONDS:
                    break
            elif spent > _SCAN_SECONDS:
                break
            if self._is_due():
                yield LoadProgress(scan.scanned if scan else 0, len(images), "Finding the value range")
        return None if scan is None else scan.facts()

    def _some_frames(self, file: int, files: int) -> list[int]:
        """Evenly spaced frames of a file, fewer if there are many files."""
        count = self.frames[file]
        return _evenly(count, max(1, _MAX_SCANNED // files))

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < _STEP_SECONDS:
            return False
        self._last = now
        return True


def _spread(files: list[int]) -> list[int]:
    """Some of the files, in an order whose every beginning is spread over all of them."""
    chosen = _evenly(len(files), _MAX_SCANNED)
    bits = max(1, (len(chosen) - 1).bit_length())
    order = sorted(range(len(chosen)), key=lambda number: int(f"{number:0{bits}b}"[::-1], 2))
    return [files[chosen[number]] for number in order]


# --- stored surveys -------------------------------------------------------------------------------


def _file_of(identity: str) -> Path:
    name = hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    return cache_folder() / "surveys" / f"{name}-{_VERSION}.npz"


def _write(file: Path, survey: Survey) -> None:
    """Store a survey, if possible."""
    arrays: dict[str, NDArray[Any]] = {
        "complete": np.array(survey.is_complete),
        "sizes": np.array(survey.sizes, dtype=np.int64).reshape(-1, 2),
    }
    if survey.frames is not None:
        arrays["frames"] = survey.frames
    for number, facts in enumerate(survey.facts):
        arrays[f"sample_{number}"] = facts.sample.astype(facts.dtype)
        numbers = [facts.minimum, facts.maximum, facts.bits or 0, facts.is_finite, facts.scanned, facts.total]
        arrays[f"numbers_{number}"] = np.array(numbers, dtype=np.float64)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix="unfinished-", dir=file.parent)
        try:
            with open(descriptor, "wb") as opened:
                np.savez(opened, **arrays)  # type: ignore[arg-type]
            os.replace(temporary, file)
        except OSError:
            os.unlink(temporary)
        for old in sorted(file.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)[:-_MAX_STORED]:
            old.unlink()


def _read(file: Path, files: int) -> Survey | None:
    """The stored survey; ``None`` if it is missing or damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            frames = stored.get("frames")
            if frames is not None and (frames.shape != (files,) or frames.dtype != np.int64 or frames.min() < 1):
                return None
            facts: list[ValueFacts] = []
            while f"sample_{len(facts)}" in stored:
                sample, numbers = stored[f"sample_{len(facts)}"], stored[f"numbers_{len(facts)}"].tolist()
                low, high, bits, is_finite, scanned, total = numbers
                facts.append(
                    ValueFacts(
                        sample.dtype, low, high, sample, int(bits) or None, bool(is_finite), int(scanned), int(total)
                    )
                )
            sizes = tuple((int(width), int(height)) for width, height in stored["sizes"].tolist())
            return Survey(bool(stored["complete"]), frames, tuple(facts), sizes)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
