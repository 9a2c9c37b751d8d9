"""Datasets from one array of images: array files and demos."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset
from latentlab.data.images.image_file import Pair, Ranges
from latentlab.data.images.resize import Size, target_size
from latentlab.data.images.to_array import prepare_array
from latentlab.data.images.value_range import ValueFacts, ValueScan, decide, seen_ranges, to_uint8
from latentlab.data.loading.cache import Cache, PendingEntry, key
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import MAP_THRESHOLD, advise_random_access
from latentlab.data.preview_samples import PreviewSamples, sampled_rows
from latentlab.data.subset import renumber_classes, select_subset
from latentlab.data.types import UNKNOWN, Columns, FileStats, Images, Labels, LeftOut, LoadProgress, Splits
from latentlab.errors import InputError

_CHUNK_BYTES = 4 << 20
_IMAGES_AT_ONCE = 256
_FIRST_SCANNED = 64  # images; often enough for 8 bits
_FIRST_ROWS = 4
_PIECE_SECONDS = 0.03
_MAX_SCANNED_BYTES = 1 << 28  # of a larger array, evenly spaced images are looked at


def _nothing_to_close() -> None:
    """Of images in memory or mapped."""


class ImageArray(Protocol):
    """An array of images: numpy's, or one that is read in pieces, which has four axes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Some images, by number, slice or ascending numbers."""


@dataclass(frozen=True)
class ArraySource:
    """Images in one array of a file, of any bit depth.

    Attributes
    ----------
    images
        [N, H, W, C] or [N, H, W], C 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); any number type. In memory,
        mapped, or read in pieces from a file with chunks.
    labels
        int64 [N] into ``classes``, -1 unknown.
    item
        Prefix of the images' names, ``item#index``.
    factors, metadata, splits, left_out, notes
        As in `latentlab.data.dataset.Dataset`.
    cache_identity
        Identifies this array in the cache; empty when preparing it is faster than reading a cache entry.
    close
        Closes the file of images that are read in pieces.
    """

    images: ImageArray
    labels: Labels
    classes: tuple[str, ...]
    item: str
    name: str
    source: str
    format: str
    cache_identity: tuple[str | int, ...] = ()
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)
    splits: Splits | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    close: Callable[[], None] = _nothing_to_close


def encode_labels(values: NDArray[Any]) -> tuple[Labels, tuple[str, ...]]:
    """Labels of any type as indices into a tuple of their names, in ascending order."""
    names, labels = np.unique(values, return_inverse=True)
    return labels.astype(np.int64).reshape(-1), tuple(str(name) for name in names)


def cache_identity(path: Path) -> tuple[str | int, ...]:
    """Identifies a file's content in the cache: path, size, times and inode."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def unlabelled(count: int) -> Labels:
    """``count`` unknown labels."""
    return np.full(count, UNKNOWN, dtype=np.int64)


def dataset_from_array(
    source: ArraySource, config: DataConfig, known: Ranges | None = None
) -> Iterator[LoadProgress | Dataset]:
    """Select the subset, convert depth, size and channels; yields progress, then the dataset.

    ``known`` are the value ranges of a model's training images, for images that it reads.
    """
    images = source.images if source.images.ndim == 4 else source.images[..., None]
    height, width, channels = images.shape[1:]
    if not 1 <= channels <= 4 or 0 in images.shape:
        raise InputError(f"{source.name}: an array of shape {source.images.shape} is not an array of images")
    index = select_subset(source.labels, source.classes, config)
    facts = yield from _scan_values(images)
    chosen = decide([facts], config.levels, known)[1]
    value_range = chosen.low, chosen.high
    target = target_size([(width, height)], config)
    whole = len(index) == len(images)
    unchanged = _fits(images, value_range, target, config) and (yield from _has_channels(images, config))
    if unchanged and isinstance(images, np.ndarray) and (whole or len(index) * _image_bytes(images) < MAP_THRESHOLD):
        prepared: Images = np.moveaxis(images, 3, 1)
        prepared = prepared if whole else prepared[index]
        prepared = prepared if isinstance(prepared, np.memmap) else np.ascontiguousarray(prepared)
    else:
        prepared = yield from _prepared(source, images, index, value_range, target, config)
    labels, classes = renumber_classes(source.labels[index], source.classes, config)
    samples = yield from _samples(source, images, facts)
    yield Dataset(
        images=advise_random_access(prepared),
        labels=labels,
        classes=classes,
        paths=[f"{source.item}#{number}" for number in index.tolist()],
        name=source.name,
        source=source.source,
        config=config,
        factors=_rows(source.factors, index) if source.factors is not None else None,
        metadata=_rows(source.metadata, index),
        splits=None if source.splits is None else source.splits[index],
        left_out=source.left_out,
        notes=source.notes,
        file_stats=FileStats(
            {source.format: len(index)},
            {f"{source.images.dtype} × {channels}": len(index)},
            {f"{width}×{height}": len(index)},
        ),
        value_range=chosen,
        value_facts=(facts,),
        ranges=seen_ranges([facts], config.levels, known),
        preview_samples=samples,
    )


def _samples(
    source: ArraySource, images: ImageArray, facts: ValueFacts
) -> Generator[LoadProgress, None, PreviewSamples]:
    """Some images for previews; row by row if they are read in pieces, each of which takes a while to decompress."""
    if isinstance(images, np.ndarray):
        return PreviewSamples.from_array(images, source.labels, source.classes, facts)
    rows, parts = sampled_rows(images), []
    for row in rows.tolist():
        parts.append(images[row])
        yield LoadProgress(len(parts), len(rows), "Preparing images")
    return PreviewSamples.from_array(np.stack(parts), source.labels[rows], source.classes, facts)


def _prepared(
    source: ArraySource, images: ImageArray, index: Labels, value_range: Pair, target: Size, config: DataConfig
) -> Generator[LoadProgress, None, Images]:
    """Convert the rows ``index``, or take them from the cache if they come from a file."""
    cache = Cache()
    name = key(config, *source.cache_identity, repr(value_range), index.astype("<i8").tobytes())
    cached = cache.get(name) if source.cache_identity else None
    if cached is not None:
        return cached.images
    with ExitStack() as stack:
        entry = stack.enter_context(cache.new_entry(name)) if source.cache_identity else PendingEntry(None)
        buffer = ImageBuffer(entry.images)
        # In small chunks: resizing is slow, and other work waits for the next step.
        step = max(1, min(_IMAGES_AT_ONCE, _CHUNK_BYTES // _image_bytes(images)))
        for start in range(0, len(index), step):
            progress = LoadProgress(start, len(index), "Preparing images")
            values = yield from _read(images, index[start : start + step], progress)
            chunk = to_uint8(values, value_range).transpose(0, 3, 1, 2)
            yield from buffer.add([prepare_array(image, target, config) for image in chunk])
            yield LoadProgress(min(start + step, len(index)), len(index), "Preparing images", buffer.preview())
        prepared = PreparedImages(
            (yield from buffer.finish()), np.zeros(len(index), dtype=np.int32), [(source.format, "", "")]
        )
        return (yield from cache.store(name, entry, prepared)).images


def _scan_values(images: ImageArray) -> Generator[LoadProgress, None, ValueFacts]:
    """Look at the values of the array's images, whatever the subset; alpha does not count.

    Raises
    ------
    InputError
        When no value is finite, or they are complex.
    """
    if images.dtype.kind == "c":
        raise InputError("complex numbers are not images: save their magnitude")
    size = _image_bytes(images)
    colours = slice({2: 1, 4: 3}.get(images.shape[3], 4))
    scan = ValueScan(images.dtype.newbyteorder("="), total=len(images))
    few = _evenly(len(images), min(_FIRST_SCANNED, _CHUNK_BYTES // size))
    progress = LoadProgress(0, len(few), "Finding the value range")
    scan.add((yield from _read(images, few, progress))[..., colours], len(few))
    if not scan.needs_no_more():
        scan = ValueScan(scan.dtype, total=len(images))
        rows = _evenly(len(images), _MAX_SCANNED_BYTES // size)
        step = max(1, _CHUNK_BYTES // size)
        for start in range(0, len(rows), step):
            chosen = rows[start : start + step]
            progress = LoadProgress(start, len(rows), "Finding the value range")
            scan.add((yield from _read(images, chosen, progress))[..., colours], len(chosen))
            yield progress
    facts = scan.facts()
    if not facts.is_finite:
        raise InputError("the array has no finite number")
    return facts


def _evenly(count: int, most: int) -> Labels:
    """Up to ``most`` evenly spaced numbers below ``count``, at least one."""
    return np.unique(np.linspace(0, count - 1, min(count, max(1, most))).astype(np.int64))


def _fits(images: ImageArray, value_range: Pair, target: Size, config: DataConfig) -> bool:
    """Whether the pixels can be used as they are."""
    return (
        images.dtype == np.uint8
        and value_range == (0.0, 255.0)
        and target == images.shape[2:0:-1]
        and not config.invert
        and images.shape[3] in (1, 3)
    )


def _has_channels(images: ImageArray, config: DataConfig) -> Generator[LoadProgress, None, bool]:
    """Whether the channels are those of the configuration; "auto" is decided by the first colour image."""
    channels = images.shape[3]
    if config.channels != "auto" or channels == 1:
        return config.channels in ("auto", channels)
    step = max(1, _CHUNK_BYTES // _image_bytes(images))
    for start in range(0, len(images), step):
        progress = LoadProgress(start, len(images), "Detecting colour")
        rows = np.arange(start, min(start + step, len(images)))
        chunk = yield from _read(images, rows, progress)
        if (chunk != chunk[..., :1]).any():
            return True
        yield progress
    return False


def _image_bytes(images: ImageArray) -> int:
    return max(1, math.prod(images.shape[1:]) * images.dtype.itemsize)


def _read(images: ImageArray, rows: Labels, progress: LoadProgress) -> Generator[LoadProgress, None, NDArray[Any]]:
    """Some images; if they are read from a file, in pieces of 0.03 s: for one row whole chunks may be decompressed."""
    if isinstance(images, np.ndarray):
        return images[_as_slice(rows)]
    parts, done, size = [], 0, _FIRST_ROWS
    while done < len(rows):
        began = time.monotonic()
        parts.append(images[_as_slice(rows[done : done + size])])
        done += size
        size = max(1, size // 2) if time.monotonic() - began > _PIECE_SECONDS else size * 2
        yield progress
    return np.concatenate(parts)


def _as_slice(index: Labels) -> Labels | slice:
    """A slice if the indices are consecutive, which avoids a copy."""
    first, last = int(index[0]), int(index[-1])
    return slice(first, last + 1) if last - first + 1 == len(index) else index


def _rows(columns: Columns, index: Labels) -> Mapping[str, NDArray[Any]]:
    return {name: np.asarray(values)[index] for name, values in columns.items()}
