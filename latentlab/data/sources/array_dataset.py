"""Images that come as one array become a dataset: arrays of files, and the demos."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset
from latentlab.data.images.bit_depth import Span, extent, span_of, to_uint8
from latentlab.data.images.resize import Size, target_size
from latentlab.data.images.to_array import finish_array
from latentlab.data.loading.cache import Cache, Unfinished, key
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import MAPPED, used_at_random
from latentlab.data.preview_samples import Samples
from latentlab.data.subset import choose, keep_classes
from latentlab.data.types import UNKNOWN, Columns, Found, Images, Labels, LoadProgress
from latentlab.errors import InputError

_CHUNK_BYTES = 4 << 20
_IMAGES_AT_ONCE = 256


@dataclass(frozen=True)
class Table:
    """Images in one array, of any depth and layout, as they were found.

    Attributes
    ----------
    images
        [N, H, W, C] or [N, H, W], C 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); any number type.
    labels
        int64 [N] into ``classes``, -1 unknown.
    item
        What the images are called, ``item#index``.
    identity
        What names this array in the cache: empty when it is made faster than it is read.
    """

    images: NDArray[Any]
    labels: Labels
    classes: tuple[str, ...]
    item: str
    name: str
    source: str
    format: str
    identity: tuple[str | int, ...] = ()
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)


def numbered(values: NDArray[Any]) -> tuple[Labels, tuple[str, ...]]:
    """Labels of any kind as numbers into a tuple of their names, in ascending order."""
    names, labels = np.unique(values, return_inverse=True)
    return labels.astype(np.int64).reshape(-1), tuple(str(name) for name in names)


def identity(path: Path) -> tuple[str | int, ...]:
    """What names a file's content in the cache: place, size and time of the last change."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns


def unlabelled(count: int) -> Labels:
    """``count`` times -1."""
    return np.full(count, UNKNOWN, dtype=np.int64)


def from_table(table: Table, config: DataConfig) -> Iterator[LoadProgress | Dataset]:
    """Draw the subset, convert depth, size and channels; yields progress, then the dataset."""
    images = table.images if table.images.ndim == 4 else table.images[..., None]
    height, width, channels = images.shape[1:]
    if not 1 <= channels <= 4 or 0 in images.shape:
        raise InputError(f"{table.name}: an array of shape {table.images.shape} holds no images")
    index = choose(table.labels, table.classes, config)
    extremes = yield from _extent(images, config)
    span = span_of(images.dtype, *extremes, config.levels == "stretch")
    target = target_size([(width, height)], config)
    whole = len(index) == len(images)
    as_it_is = _fits(images, span, target, config) and (yield from _has_channels(images, config))
    if as_it_is and (whole or len(index) * images[0].nbytes < MAPPED):
        made: Images = np.moveaxis(images, 3, 1)
        made = made if whole else made[index]
        made = made if isinstance(made, np.memmap) else np.ascontiguousarray(made)
    else:
        made = yield from _made(table, images, index, span, target, config)
    labels, classes = keep_classes(table.labels[index], table.classes, config)
    yield Dataset(
        images=used_at_random(made),
        labels=labels,
        classes=classes,
        paths=[f"{table.item}#{number}" for number in index.tolist()],
        name=table.name,
        source=table.source,
        config=config,
        factors=_rows(table.factors, index) if table.factors is not None else None,
        metadata=_rows(table.metadata, index),
        found=Found(
            {table.format: len(index)},
            {f"{table.images.dtype} × {channels}": len(index)},
            {f"{width}×{height}": len(index)},
        ),
        samples=Samples.of(images, table.labels, table.classes, extremes),
    )


def _made(
    table: Table, images: NDArray[Any], index: Labels, span: Span, target: Size, config: DataConfig
) -> Generator[LoadProgress, None, Images]:
    """Convert the rows ``index``, or take them from the cache where they come from a file."""
    cache = Cache()
    name = key(config, *table.identity, index.astype("<i8").tobytes())
    known = cache.get(name) if table.identity else None
    if known is not None:
        return known.images
    with ExitStack() as stack:
        unfinished = stack.enter_context(cache.making(name)) if table.identity else Unfinished(None)
        sink = ImageBuffer(unfinished.images)
        # Few at a time: resizing is slow, and other work waits for the next step.
        step = max(1, min(_IMAGES_AT_ONCE, _CHUNK_BYTES // max(1, images[0].nbytes)))
        for start in range(0, len(index), step):
            chunk = to_uint8(images[_run(index[start : start + step])], span).transpose(0, 3, 1, 2)
            yield from sink.add([finish_array(image, target, config) for image in chunk])
            yield LoadProgress(min(start + step, len(index)), len(index), "Making images ready", sink.preview())
        made = PreparedImages(
            (yield from sink.finish()), np.zeros(len(index), dtype=np.int32), [(table.format, "", "")]
        )
        return (yield from cache.keep(name, unfinished, made)).images


def _extent(images: NDArray[Any], config: DataConfig) -> Generator[LoadProgress, None, Span]:
    """Lowest and highest value of every image of the file, whichever subset is used; zeros where they do not matter.

    Raises
    ------
    InputError
        When no value is a finite number.
    """
    if images.dtype.kind == "b" or (images.dtype == np.uint16 and config.levels == "full"):
        return 0.0, 0.0
    step = max(1, _CHUNK_BYTES // max(1, images[0].nbytes))
    lowest, highest = np.inf, -np.inf
    numbers = images.dtype.kind != "f"
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
        numbers = numbers or bool(np.isfinite(chunk).any())
        low, high = extent([chunk])
        lowest, highest = min(lowest, low), max(highest, high)
        if images.dtype == np.uint8 and highest > 1:
            break
        yield LoadProgress(start, len(images), "Looking at values")
    if not numbers:
        raise InputError("the array holds no finite number")
    return lowest, highest


def _fits(images: NDArray[Any], span: Span, target: Size, config: DataConfig) -> bool:
    """Whether pixels and size are what training needs."""
    return (
        images.dtype == np.uint8
        and span == (0.0, 255.0)
        and target == images.shape[2:0:-1]
        and not config.invert
        and images.shape[3] in (1, 3)
    )


def _has_channels(images: NDArray[Any], config: DataConfig) -> Generator[LoadProgress, None, bool]:
    """Whether the channels are those wanted; for "auto" the first image in colour settles it."""
    channels = images.shape[3]
    if config.channels != "auto" or channels == 1:
        return config.channels in ("auto", channels)
    step = max(1, _CHUNK_BYTES // images[0].nbytes)
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
        if (chunk != chunk[..., :1]).any():
            return True
        yield LoadProgress(start, len(images), "Looking for colour")
    return False


def _run(index: Labels) -> Labels | slice:
    """A slice where the indices are consecutive, so that nothing is copied."""
    first, last = int(index[0]), int(index[-1])
    return slice(first, last + 1) if last - first + 1 == len(index) else index


def _rows(columns: Columns, index: Labels) -> Mapping[str, NDArray[Any]]:
    return {name: np.asarray(values)[index] for name, values in columns.items()}
