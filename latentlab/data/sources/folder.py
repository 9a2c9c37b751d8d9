"""Datasets from a folder of images: scan, label, select, then decode on all cores or read the cache."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from operator import attrgetter
from pathlib import Path

import numpy as np

from latentlab.config.data import DataConfig
from latentlab.data.dataset import Dataset, fingerprint
from latentlab.data.images.image_file import UnreadableError, read_image_info
from latentlab.data.images.resize import Size, target_size
from latentlab.data.images.to_array import decode
from latentlab.data.loading.cache import Cache, key
from latentlab.data.loading.decode_process import DecodeProcess, can_start
from latentlab.data.loading.image_buffer import ImageBuffer
from latentlab.data.loading.pipeline import prepare_images
from latentlab.data.loading.prepared_images import PreparedImages
from latentlab.data.loading.read_bytes import advise_random_access
from latentlab.data.sources.class_folders import class_folders
from latentlab.data.sources.labels_csv import read_labels
from latentlab.data.sources.scan import Scan, all_printable, printable, scan, sorted_in_steps
from latentlab.data.sources.scan_cache import scan_from_cache, store
from latentlab.data.subset import renumber_classes, select_subset
from latentlab.data.types import Columns, Images, Labels, LeftOut, LoadProgress, summarize_left_out
from latentlab.errors import InputError

_MAX_MEASURED = 1000
_CHUNK_BYTES = 4 << 20


def open_folder(folder: Path, config: DataConfig, table: Path | None = None) -> Iterator[LoadProgress | Dataset]:
    """Read a folder; yields progress, then the dataset.

    Labels come from ``labels.csv`` if it has some, else from class folders. The subset is selected from all files with
    the name of an image; those that cannot be read are skipped.

    Parameters
    ----------
    folder
        The folder.
    config
        How images are prepared and which are used.
    table
        A table of labels to use instead of the folder's ``labels.csv``.
    """
    found = yield from scan_from_cache(str(folder))
    is_new = found is None
    if found is None:
        found = yield from _scanned(str(folder))
    if not found.paths:
        raise InputError(_no_images_message(folder, found.skipped))
    labels, classes, metadata, missing = yield from _labelled(folder, found, table)
    # Each of these takes a while with a million files: yield in between.
    yield LoadProgress(0, len(labels), "Selecting images")
    index = select_subset(labels, classes, config)
    yield LoadProgress(0, len(index), "Reading images")
    prepared = yield from _prepared(str(folder), found, index, config)
    left_out = [*found.skipped, *missing] + [
        LeftOut(printable(found.paths[index[number]]), reason) for number, reason in prepared.reasons.items()
    ]
    if not len(prepared.images):
        raise InputError(_no_images_message(folder, left_out))
    left_out = yield from sorted_in_steps(left_out, attrgetter("path"))
    index = index[prepared.item_index]
    labels, classes = renumber_classes(labels[index], classes, config)
    classes = tuple(map(printable, classes))
    if is_new:
        store(str(folder), found)
    yield Dataset(
        images=advise_random_access(prepared.images),
        labels=labels,
        classes=classes,
        paths=all_printable([found.paths[number] for number in index.tolist()]),
        name=printable(folder.name),
        source=str(table or folder),
        config=config,
        left_out=left_out,
        metadata={name: column[index] for name, column in metadata.items()},
        file_stats=prepared.file_stats(),
        fingerprint=fingerprint(prepared.digest, labels, classes),
    )


def _scanned(folder: str) -> Generator[LoadProgress, None, Scan]:
    for step in scan(folder):
        if isinstance(step, Scan):
            return step
        yield step
    raise AssertionError("the last item of a scan is a Scan")


def _labelled(
    folder: Path, found: Scan, table: Path | None
) -> Generator[LoadProgress, None, tuple[Labels, tuple[str, ...], Columns, list[LeftOut]]]:
    """Labels, classes and further columns of the images, and the table rows without an image."""
    metadata: Columns = {}
    missing: list[LeftOut] = []
    if table is None and found.label_file is not None:
        table = folder / found.label_file
    if table is not None:
        listed = yield from read_labels(table, found.paths)
        missing = listed.left_out
        metadata = listed.metadata
        if listed.labels is not None:
            return listed.labels, listed.classes, metadata, missing
    labels, classes = class_folders(found.folders, found.empty_folders)
    return labels, classes, metadata, missing


def _no_images_message(folder: Path, left_out: list[LeftOut]) -> str:
    text = f"there are no images in {printable(str(folder))}"
    return f"{text}: {summarize_left_out(left_out)}" if left_out else text


def _prepared(
    folder: str, found: Scan, index: Labels, config: DataConfig
) -> Generator[LoadProgress, None, PreparedImages]:
    """Images of the files ``index``: from their cache entry, from that of the whole folder, or from the files."""
    cache = Cache()
    names = "\0".join(found.paths)
    yield LoadProgress(0, len(index), "Reading images")
    whole = key(config, Path(folder).resolve().as_posix(), names, found.sizes.tobytes(), found.times.tobytes())
    yield LoadProgress(0, len(index), "Reading images")
    everything = len(index) == len(found.paths)
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
            target = yield from _target(folder, found.paths, config)
            prepared = yield from prepare_images(
                [found.paths[number] for number in index.tolist()],
                lambda name: decode(f"{folder}/{name}", target, config),
                buffer,
                partial(DecodeProcess, folder, target, config) if can_start() else None,
            )
        return (yield from cache.store(name, entry, prepared))


def _subset_of_cached(
    source: PreparedImages, index: Labels, config: DataConfig, buffer: ImageBuffer
) -> Generator[LoadProgress, None, PreparedImages]:
    """A subset of a folder that is cached as a whole; equal to reading only the subset."""
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


def _target(folder: str, paths: list[str], config: DataConfig) -> Generator[LoadProgress, None, Size]:
    """Size of the dataset's images, from the headers of at most 1,000 evenly spaced files.

    Taken from all files and not only the subset, so that the size does not depend on the subset.
    """
    sizes: list[Size] = []
    if config.image_size is None:
        chosen = np.unique(np.linspace(0, len(paths) - 1, min(len(paths), _MAX_MEASURED)).astype(np.int64))
        for done, number in enumerate(chosen.tolist()):
            try:
                sizes.append(read_image_info(f"{folder}/{paths[number]}")[0])
            except UnreadableError:
                continue  # reported when it is decoded
            if done % 50 == 0:
                yield LoadProgress(done, len(chosen), "Measuring images")
    return target_size(sizes or [(1, 1)], config)
