"""Datasets from images that are decoded one by one: the files of a folder, members of an archive, rows of a table.

A source describes its images as `ImageItems`; `dataset_from_items` does the rest for all of them: subset, size, cache,
decoding on all cores, and what was left out. Images that lie in one array have their own way, `ArraySource`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Literal

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset, fingerprint
from latentlab.data.images.image_file import (
    BANDS_USED,
    FileItem,
    Ranges,
    UnexpectedImageError,
    UnreadableError,
)
from latentlab.data.images.resize import Size, target_size
from latentlab.data.images.to_array import DecodedImage, decode, decode_item, decode_pixels, frames_of_plain
from latentlab.data.images.value_range import decide, seen_ranges
from latentlab.data.loading.cache import Cache, key
from latentlab.data.loading.decode_process import DecodeProcess, can_start
from latentlab.data.loading.fetcher import Fetcher, FramePayload, OpenReader, Payload, frames_reader
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.pipeline import prepare_images
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import advise_random_access
from latentlab.data.sources.scan import all_printable, printable, sorted_in_steps
from latentlab.data.sources.survey import Samples, Survey, survey_fetched, survey_files
from latentlab.data.subset import renumber_classes, select_subset
from latentlab.data.types import Columns, Images, Labels, LeftOut, LoadProgress, Splits, summarize_left_out
from latentlab.errors import InputError
from latentlab.utils.text import pluralize

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


def dataset_from_items(
    items: ImageItems, config: DataConfig, known: Ranges | None = None
) -> Iterator[LoadProgress | Dataset]:
    """Select the subset, then decode on all cores or read the cache; yields progress, then the dataset.

    Images that cannot be read are left out. ``known`` are the value ranges of a model's training images, for images
    that it reads.

    Raises
    ------
    InputError
        When there is no image, or none can be read.
    """
    if not items.names:
        raise InputError(_no_images_message(items.place, items.left_out))
    survey, samples, index, prepared = yield from _surveyed(items, config, known)
    names = samples.names(items.names, index)
    left_out = items.left_out + [
        LeftOut(printable(names[number]), reason, "frame" if samples.is_frame(int(index[number])) else "file")
        for number, reason in prepared.reasons.items()
    ]
    notes = []
    for text, (count, first) in prepared.notes.items():
        others = f" and {pluralize(count - 1, 'other image')}" if count > 1 else ""
        notes.append(f"{printable(names[first])}{others}: {text}")
        if text.endswith(BANDS_USED):
            left_out.append(LeftOut(printable(names[first]) + others, text, "array"))
    if not len(prepared.images):
        raise InputError(_no_images_message(items.place, left_out))
    left_out = yield from sorted_in_steps(left_out, attrgetter("path"))
    index = index[prepared.item_index]
    labels, classes = renumber_classes(samples.per_image(items.labels)[index], items.classes, config)
    classes = tuple(map(printable, classes))
    if items.on_opened is not None:
        items.on_opened()
    yield Dataset(
        images=advise_random_access(prepared.images),
        labels=labels,
        classes=classes,
        paths=all_printable(samples.names(items.names, index)),
        name=items.name,
        source=items.source,
        config=config,
        left_out=left_out,
        factors=_rows(items.factors, samples, index) if items.factors is not None else None,
        metadata=_rows(items.metadata, samples, index),
        splits=None if items.splits is None else samples.per_image(items.splits)[index],
        file_stats=prepared.file_stats(),
        value_range=decide(survey.facts, config.levels, known)[1],
        value_facts=survey.facts,
        ranges=seen_ranges(survey.facts, config.levels, known),
        notes=items.notes + notes,
        fingerprint=fingerprint(prepared.digest, labels, classes),
        folder=items.folder,
    )


def _rows(columns: Columns, samples: Samples, index: Labels) -> Columns:
    return {name: samples.per_image(column)[index] for name, column in columns.items()}


def _no_images_message(place: str, left_out: list[LeftOut]) -> str:
    text = f"there are no images in {place}"
    return f"{text}: {summarize_left_out(left_out)}" if left_out else text


def _surveyed(
    items: ImageItems, config: DataConfig, known: Ranges | None
) -> Generator[LoadProgress, None, tuple[Survey, Samples, Labels, PreparedImages]]:
    """Survey, select and prepare the images; again with a complete survey if a file is not as it seemed."""
    # Each of these takes a while with a million files: yield in between.
    yield LoadProgress(0, len(items.names), "Selecting images")
    identity = key(DataConfig(), *items.cache_identity)
    for complete in (False, True):
        if items.open_reader is not None:
            survey = yield from survey_fetched(items.open_reader, len(items.names), config, identity, complete)
        else:
            survey = yield from survey_files(items.folder or "", items.names, config, identity, complete)
        samples = survey.samples(len(items.names), config)
        yield LoadProgress(0, samples.count, "Selecting images")
        index = select_subset(samples.per_image(items.labels), items.classes, config)
        yield LoadProgress(0, len(index), "Reading images")
        try:
            return survey, samples, index, (yield from _prepared(items, survey, samples, index, config, known))
        except UnexpectedImageError:
            continue
    raise InputError(f"the files in {items.place} have changed while they were read: open it again")


def _prepared(
    items: ImageItems, survey: Survey, samples: Samples, index: Labels, config: DataConfig, known: Ranges | None
) -> Generator[LoadProgress, None, PreparedImages]:
    """Images ``index``: from their cache entry, from that of the whole source, or decoded."""
    cache = Cache()
    ranges, _ = decide(survey.facts, config.levels, known)
    if items.open_reader is not None:
        ranges = Ranges(ranges.eight, ranges.whole or (0.0, 65535.0), ranges.real or (0.0, 1.0))
    frames = b"" if survey.frames is None else survey.frames.tobytes()
    yield LoadProgress(0, len(index), "Reading images")
    whole = key(config, *items.cache_identity, repr(ranges), frames)
    yield LoadProgress(0, len(index), "Reading images")
    everything = len(index) == samples.count
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
            sizes = [items.size] if items.size is not None else survey.sizes or [(1, 1)]
            target = target_size(sizes, config)
            prepared = yield from _decoded(items, samples, index, target, ranges, config, buffer)
        return (yield from cache.store(name, entry, prepared))


def _decoded(
    items: ImageItems,
    samples: Samples,
    index: Labels,
    target: Size,
    ranges: Ranges,
    config: DataConfig,
    buffer: ImageBuffer,
) -> Generator[LoadProgress, None, PreparedImages]:
    folder = items.folder or ""
    frames = frames_of_plain(config)

    def read(payload: Payload | FileItem) -> DecodedImage:
        if isinstance(payload, UnreadableError):
            raise payload
        if isinstance(payload, np.ndarray):
            return decode_pixels(payload, target, config, items.format, ranges)
        if isinstance(payload, FramePayload):
            source = payload.file if isinstance(payload.file, bytes) else os.path.join(folder, payload.file)
            return decode(source, target, config, payload.frame, ranges, payload.frames)
        if isinstance(payload, bytes) or items.open_reader is not None:
            source = payload if isinstance(payload, bytes) else os.path.join(folder, str(payload))
            return decode(source, target, config, 0, ranges, frames)
        return decode_item(folder, payload, target, config, ranges)

    start = None
    if items.kind == "encoded" and can_start():
        start = partial(DecodeProcess, folder, target, config, ranges, frames)
    if items.open_reader is None:
        return (yield from prepare_images(samples.items(items.names, index), read, buffer, start))
    chosen = samples.frames_of(index)
    if chosen is None:
        return (yield from prepare_images(index.tolist(), read, buffer, start, Fetcher(items.open_reader)))
    # In threads only: the content of a file would be sent to a process once for every frame.
    fetcher = Fetcher(partial(frames_reader, items.open_reader, chosen))
    return (yield from prepare_images(range(len(index)), read, buffer, None, fetcher))


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
    notes = {
        note: (count, int(np.searchsorted(index, first)))
        for note, (count, first) in source.notes.items()
        if first in index
    }
    return PreparedImages((yield from buffer.finish()), codes, source.kinds, reasons, notes)


def _without_equal_channels(image: Images) -> Images:
    return image[:1] if (image == image[:1]).all() else image
