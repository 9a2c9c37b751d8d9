"""Datasets from images that are decoded one by one: the files of a folder, members of an archive, rows of a table.

A source describes its images as `ImageItems`; `dataset_from_items` does the rest for all of them: subset, size, cache,
decoding on all cores, and what was left out. Images that lie in one array have their own way, `ArraySource`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import wait
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Literal

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset, fingerprint
from latentlab.data.images.image_file import UnreadableError, read_image_info
from latentlab.data.images.resize import Size, target_size
from latentlab.data.images.to_array import DecodedImage, decode, decode_pixels
from latentlab.data.loading.cache import Cache, key
from latentlab.data.loading.decode_process import DecodeProcess, can_start
from latentlab.data.loading.fetcher import Fetcher, OpenReader, Payload
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.in_thread import POLL_SECONDS
from latentlab.data.loading.pipeline import prepare_images
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import advise_random_access
from latentlab.data.sources.scan import all_printable, printable, sorted_in_steps
from latentlab.data.subset import renumber_classes, select_subset
from latentlab.data.types import Columns, Images, Labels, LeftOut, LoadProgress, Splits, summarize_left_out
from latentlab.errors import InputError

_MAX_MEASURED = 1000
_MAX_FETCHED = 100
_FETCHED_AT_ONCE = 10
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True)
class ImageItems:
    r"""Images that are decoded one by one.

    Attributes
    ----------
    names
        N unique names, those of files relative to ``folder``; bytes that are not UTF-8 may be surrogates.
    labels, classes
        int64 [N] into the class names, -1 unknown.
    name, source, place
        Short name for the user, the string that opens the same data again, and where it is, for messages.
    cache_identity
        Identifies the content of all images in the cache.
    folder
        Folder of the images, if each is a file of its own.
    open_reader
        Opens what the images are fetched from; ``None`` if each is a file of its own.
    kind
        What is fetched: ``"encoded"`` for paths and contents of image files, ``"pixels"`` for arrays.
    format
        Of pixels, for the statistics.
    size
        Upright (width, height) of all images, if it is known without decoding one.
    left_out
        Files, members, rows and columns that are not among the images.
    factors, metadata
        Generative factors and further columns by name, [N] each.
    splits, notes
        As in `latentlab.data.dataset.Dataset`.
    on_opened
        Called when the dataset is complete.
    """

    names: list[str]
    labels: Labels
    classes: tuple[str, ...]
    name: str
    source: str
    place: str
    cache_identity: tuple[str | bytes | int, ...]
    folder: str | None = None
    open_reader: OpenReader | None = None
    kind: Literal["encoded", "pixels"] = "encoded"
    format: str = ""
    size: Size | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    factors: Columns | None = None
    metadata: Columns = field(default_factory=dict)
    splits: Splits | None = None
    notes: list[str] = field(default_factory=list)
    on_opened: Callable[[], None] | None = None


def dataset_from_items(items: ImageItems, config: DataConfig) -> Iterator[LoadProgress | Dataset]:
    """Select the subset, then decode on all cores or read the cache; yields progress, then the dataset.

    Images that cannot be read are left out.

    Raises
    ------
    InputError
        When there is no image, or none can be read.
    """
    if not items.names:
        raise InputError(_no_images_message(items.place, items.left_out))
    labels, classes = items.labels, items.classes
    # Each of these takes a while with a million files: yield in between.
    yield LoadProgress(0, len(labels), "Selecting images")
    index = select_subset(labels, classes, config)
    yield LoadProgress(0, len(index), "Reading images")
    prepared = yield from _prepared(items, index, config)
    left_out = items.left_out + [
        LeftOut(printable(items.names[index[number]]), reason) for number, reason in prepared.reasons.items()
    ]
    if not len(prepared.images):
        raise InputError(_no_images_message(items.place, left_out))
    left_out = yield from sorted_in_steps(left_out, attrgetter("path"))
    index = index[prepared.item_index]
    labels, classes = renumber_classes(labels[index], classes, config)
    classes = tuple(map(printable, classes))
    if items.on_opened is not None:
        items.on_opened()
    yield Dataset(
        images=advise_random_access(prepared.images),
        labels=labels,
        classes=classes,
        paths=all_printable([items.names[number] for number in index.tolist()]),
        name=items.name,
        source=items.source,
        config=config,
        left_out=left_out,
        factors=_rows(items.factors, index) if items.factors is not None else None,
        metadata=_rows(items.metadata, index),
        splits=None if items.splits is None else items.splits[index],
        notes=items.notes,
        file_stats=prepared.file_stats(),
        fingerprint=fingerprint(prepared.digest, labels, classes),
        folder=items.folder,
    )


def _rows(columns: Columns, index: Labels) -> Columns:
    return {name: column[index] for name, column in columns.items()}


def _no_images_message(place: str, left_out: list[LeftOut]) -> str:
    text = f"there are no images in {place}"
    return f"{text}: {summarize_left_out(left_out)}" if left_out else text


def _prepared(items: ImageItems, index: Labels, config: DataConfig) -> Generator[LoadProgress, None, PreparedImages]:
    """Images of the items ``index``: from their cache entry, from that of the whole source, or decoded."""
    cache = Cache()
    yield LoadProgress(0, len(index), "Reading images")
    whole = key(config, *items.cache_identity)
    yield LoadProgress(0, len(index), "Reading images")
    everything = len(index) == len(items.names)
    name = whole if everything else key(config, whole, index.astype("<i8").tobytes())
    prepared = cache.get(name)
    if prepared is not None:
        return prepared
    source = None if everything else cache.get(whole)
    with cache.new_entry(name) as entry:
        buffer = ImageBuffer(entry.images)
        if source is not None:
            prepared = yield from _subset_of_cached(source, index, config, buffer)
        else:
            prepared = yield from _decoded(items, index, config, buffer)
        return (yield from cache.store(name, entry, prepared))


def _decoded(
    items: ImageItems, index: Labels, config: DataConfig, buffer: ImageBuffer
) -> Generator[LoadProgress, None, PreparedImages]:
    folder = items.folder or ""
    target = yield from _target(items, config)

    def read(payload: Payload) -> DecodedImage:
        if isinstance(payload, UnreadableError):
            raise payload
        if isinstance(payload, str):
            return decode(os.path.join(folder, payload), target, config)
        if isinstance(payload, bytes):
            return decode(payload, target, config)
        return decode_pixels(payload, target, config, items.format)

    start = partial(DecodeProcess, folder, target, config) if items.kind == "encoded" and can_start() else None
    if items.open_reader is None:
        names = [items.names[number] for number in index.tolist()]
        return (yield from prepare_images(names, read, buffer, start))
    return (yield from prepare_images(index.tolist(), read, buffer, start, Fetcher(items.open_reader)))


def _subset_of_cached(
    source: PreparedImages, index: Labels, config: DataConfig, buffer: ImageBuffer
) -> Generator[LoadProgress, None, PreparedImages]:
    """A subset of a source that is cached as a whole; equal to reading only the subset."""
    codes = source.codes[index]
    reasons = {number: source.reasons[int(item)] for number, item in enumerate(index) if codes[number] < 0}
    rows = np.searchsorted(source.item_index, index[codes >= 0])
    step = max(1, _CHUNK_BYTES // max(1, source.images[:1].nbytes))
    for start in range(0, len(rows), step):
        chunk = source.images[rows[start : start + step]]
        yield from buffer.add(
            [_without_equal_channels(image) for image in chunk] if config.channels == "auto" else chunk
        )
        yield LoadProgress(start, len(rows), "Reading images", buffer.preview())
    return PreparedImages((yield from buffer.finish()), codes, source.kinds, reasons)


def _without_equal_channels(image: Images) -> Images:
    return image[:1] if (image == image[:1]).all() else image


def _target(items: ImageItems, config: DataConfig) -> Generator[LoadProgress, None, Size]:
    """Size of the dataset's images, from the headers of some of them.

    At most 1,000 evenly spaced files; of what has to be fetched, the first 100. Taken from all images and not only the
    subset, so that the size does not depend on the subset.
    """
    sizes: list[Size] = []
    if config.image_size is None and items.size is not None:
        sizes.append(items.size)
    elif config.image_size is None and items.open_reader is not None:
        sizes = yield from _fetched_sizes(items.open_reader, min(len(items.names), _MAX_FETCHED))
    elif config.image_size is None:
        count = len(items.names)
        chosen = np.unique(np.linspace(0, count - 1, min(count, _MAX_MEASURED)).astype(np.int64))
        for done, number in enumerate(chosen.tolist()):
            sizes += _size_of(os.path.join(items.folder or "", items.names[number]))
            if done % 50 == 0:
                yield LoadProgress(done, len(chosen), "Measuring images")
    return target_size(sizes or [(1, 1)], config)


def _fetched_sizes(open_reader: OpenReader, count: int) -> Generator[LoadProgress, None, list[Size]]:
    sizes: list[Size] = []
    with Fetcher(open_reader) as fetcher:
        for start in range(0, count, _FETCHED_AT_ONCE):
            batch = fetcher.submit(range(start, min(start + _FETCHED_AT_ONCE, count)))
            while not batch.done():
                wait([batch], POLL_SECONDS)
                yield LoadProgress(start, count, "Measuring images")
            for payload in batch.result():
                sizes += _size_of(payload)
    return sizes


def _size_of(payload: Payload) -> list[Size]:
    """Upright size of an image; empty if it cannot be read, which is reported when it is decoded."""
    if isinstance(payload, str | bytes):
        try:
            return [read_image_info(payload)[0]]
        except UnreadableError:
            return []
    return [] if isinstance(payload, UnreadableError) or payload.ndim < 2 else [(payload.shape[1], payload.shape[0])]
