"""Some images of the open dataset, read with other settings, and the contact sheet that shows them."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import numpy as np

from latentlab.config import DataConfig
from latentlab.data import Dataset, open_dataset
from latentlab.data.images.image_file import (
    UnexpectedImageError,
    UnreadableError,
    read_image_info,
)
from latentlab.data.images.resize import target_size
from latentlab.data.images.to_array import decode
from latentlab.data.images.value_range import decide
from latentlab.data.sources.survey import item_of
from latentlab.engine.protocol.messages import DatasetPreview, PreviewDataset, ValueHistogram
from latentlab.engine.worker.workspace import Workspace
from latentlab.utils.array_types import ByteArray, IntArray

_SHOWN, _COLUMNS, _GAP = 48, 8, 1
_BINS = 128
_MEASURED = 200
_SLICE_SECONDS = 0.02  # seconds of reading between two checks of the mailbox
_LONGEST = 1.5  # seconds of reading in total: fewer large pictures are shown
_NOTHING: ByteArray = np.empty((0, 1, 1, 1), np.uint8)


def shown_on_sheet(index: IntArray) -> IntArray:
    """Which images a contact sheet shows: evenly spaced ones, so that sorted classes are represented equally."""
    positions = np.unique(np.linspace(0, len(index) - 1, min(len(index), _SHOWN)).astype(np.int64))
    shown: IntArray = index[positions]
    return shown


def contact_sheet(images: ByteArray, columns: int = _COLUMNS) -> ByteArray:
    """Up to 48 images uint8 [N, C, H, W] in rows, with a dark pixel between them: [H', W'] or [H', W', 3]."""
    images = images[:_SHOWN]
    count, channels, height, width = images.shape
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * (height + _GAP), columns * (width + _GAP), channels), np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * (height + _GAP), number % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    sheet = sheet[:-_GAP, :-_GAP]
    return np.ascontiguousarray(sheet[:, :, 0]) if channels == 1 else sheet


def previewing(workspace: Workspace, request: PreviewDataset) -> Generator[None, None, None]:
    """Read some images with the requested settings and send them; nothing if their dataset is no longer open.

    Images in files of their own are read from these, the same ones that the open dataset's contact sheet shows.
    Datasets in one file, and generated ones, keep samples that are converted again; torchvision's sets of single
    pictures are opened again.

    Raises
    ------
    InputError
        When the dataset cannot be read as asked.
    """
    dataset = workspace.dataset
    if dataset is None or dataset.source != request.source:
        return
    folder = None if dataset.folder is None else Path(dataset.folder)
    if dataset.preview_samples is not None:
        images = yield from dataset.preview_samples.prepare(request.config, _SHOWN)
    elif folder is None:
        images = yield from _from_array(dataset.source, request.config)
    else:
        images = yield from _from_files(folder, dataset, request.config)
    if len(images):
        chosen = decide(dataset.value_facts, request.config.levels)[1]
        sheet = contact_sheet(images)
        window = chosen.low, chosen.high
        workspace.send(DatasetPreview(request.source, request.config, images.shape[1:], sheet, window))


def value_histogram(dataset: Dataset) -> ValueHistogram | None:
    """The histogram of the most frequent type of image; ``None`` for images of 1 bit."""
    if not dataset.value_facts:
        return None
    counts, edges = dataset.value_facts[0].histogram(_BINS)
    return ValueHistogram(counts, float(edges[0]), float(edges[-1]))


def _from_array(source: str, config: DataConfig) -> Generator[None, None, ByteArray]:
    few = config.model_copy(update={"limit": _SHOWN, "per_class": None})
    for step in open_dataset(source, few):
        if isinstance(step, Dataset):
            return np.asarray(step.images)
        yield
    raise AssertionError("opening ends with a dataset")


def _from_files(folder: Path, dataset: Dataset, config: DataConfig) -> Generator[None, None, ByteArray]:
    target = yield from _target(folder, dataset, config)
    ranges, _ = decide(dataset.value_facts, config.levels)
    index = np.arange(len(dataset))
    classes = [number for number, name in enumerate(dataset.classes) if name in config.classes]
    if classes:
        index = index[np.isin(dataset.labels, classes)]
    images: list[ByteArray] = []
    piece = spent = 0.0
    for number in shown_on_sheet(index).tolist():
        began = time.perf_counter()
        # Files that have disappeared since are left out; reading the dataset again reports them.
        with suppress(UnreadableError, UnexpectedImageError):
            path, frame = item_of(folder, dataset.paths[number])
            images.append(decode(path, target, config, frame, ranges).pixels)
        piece += time.perf_counter() - began
        if piece > _SLICE_SECONDS:
            spent, piece = spent + piece, 0.0
            yield
        if spent > _LONGEST:
            break
    if not images:
        return _NOTHING
    # One image in colour makes the whole dataset coloured, and it may not be among these.
    least = dataset.image_shape[0] if config.channels == dataset.config.channels == "auto" else 1
    channels = max(least, *map(len, images))
    return np.stack([np.broadcast_to(image, (channels, *image.shape[1:])) for image in images])


def _target(folder: Path, dataset: Dataset, config: DataConfig) -> Generator[None, None, tuple[int, int]]:
    """Width and height of the images: from the settings, the open dataset's own, or from measuring some files."""
    if config.image_size is None and dataset.config.image_size is None:
        _, height, width = dataset.image_shape
        return width, height
    sizes = []
    if config.image_size is None:
        for number in np.linspace(0, len(dataset) - 1, min(len(dataset), _MEASURED)).astype(int).tolist():
            try:
                sizes.append(read_image_info(item_of(folder, dataset.paths[number])[0])[0])
            except UnreadableError:
                continue
            yield
    return target_size(sizes or [(1, 1)], config)
