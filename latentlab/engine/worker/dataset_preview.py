"""Some images of the open dataset, read anew as other settings would make them."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import numpy as np

from latentlab.config import DataConfig
from latentlab.data import Dataset, open_dataset
from latentlab.data.images.image_file import UnreadableError, read_image_info
from latentlab.data.images.resize import target_size
from latentlab.data.images.to_array import decode
from latentlab.engine.protocol.messages import ByteArray, DatasetPreview, IntArray, PreviewDataset
from latentlab.engine.worker.decoded_images import contact_sheet
from latentlab.engine.worker.workspace import Workspace

_SHOWN, _COLUMNS = 48, 8
_MEASURED = 200
_PIECE = 0.02  # seconds of reading between two looks at the mailbox
_LONGEST = 1.5  # seconds of reading in all: of large pictures fewer are shown
_NOTHING: ByteArray = np.empty((0, 1, 1, 1), np.uint8)


def shown_first(index: IntArray) -> IntArray:
    """Which of some images a contact sheet shows: evenly spaced, so that sorted classes all have their share."""
    places = np.unique(np.linspace(0, len(index) - 1, min(len(index), _SHOWN)).astype(np.int64))
    shown: IntArray = index[places]
    return shown


def sheet_of(images: ByteArray) -> ByteArray:
    """Images uint8 [N, C, H, W] in one picture, as the model will see them."""
    return contact_sheet(images[:_SHOWN], _COLUMNS)


def previewing(workspace: Workspace, request: PreviewDataset) -> Generator[None, None, None]:
    """Read some images as ``request`` says and show them; nothing when their dataset is not open any more.

    Images in files of their own are read from there, the same ones that the contact sheet of the open dataset shows.
    Of datasets in one file or made on the spot the samples kept with them are made anew; torchvision's sets of single
    pictures are opened once more.

    Raises
    ------
    InputError
        When the dataset cannot be read as asked.
    """
    dataset = workspace.dataset
    if dataset is None or dataset.source != request.source:
        return
    folder = _folder(dataset.source)
    if dataset.preview_samples is not None:
        images = yield from dataset.preview_samples.prepare(request.config, _SHOWN)
    elif folder is None:
        images = yield from _of_table(dataset.source, request.config)
    else:
        images = yield from _of_files(folder, dataset, request.config)
    if len(images):
        workspace.send(DatasetPreview(request.source, request.config, images.shape[1:], sheet_of(images)))


def _folder(source: str) -> Path | None:
    """Where the files of a dataset lie; ``None`` when it is not made of image files."""
    path = Path(source)
    if path.is_dir():
        return path
    return path.parent if path.suffix.lower() == ".csv" and path.is_file() else None


def _of_table(source: str, config: DataConfig) -> Generator[None, None, ByteArray]:
    few = config.model_copy(update={"limit": _SHOWN, "per_class": None})
    for step in open_dataset(source, few):
        if isinstance(step, Dataset):
            return np.asarray(step.images)
        yield
    raise AssertionError("opening ends with a dataset")


def _of_files(folder: Path, dataset: Dataset, config: DataConfig) -> Generator[None, None, ByteArray]:
    target = yield from _target(folder, dataset, config)
    index = np.arange(len(dataset))
    wanted = [number for number, name in enumerate(dataset.classes) if name in config.classes]
    if wanted:
        index = index[np.isin(dataset.labels, wanted)]
    made: list[ByteArray] = []
    piece = spent = 0.0
    for number in shown_first(index).tolist():
        began = time.perf_counter()
        # What has gone since it was opened is left out; reading again will say so.
        with suppress(UnreadableError):
            made.append(decode(str(folder / dataset.paths[number]), target, config).pixels)
        piece += time.perf_counter() - began
        if piece > _PIECE:
            spent, piece = spent + piece, 0.0
            yield
        if spent > _LONGEST:
            break
    # One image in colour makes a dataset one, and it need not be among these.
    known = dataset.image_shape[0] if config.channels == dataset.config.channels == "auto" else 1
    channels = max([known, *map(len, made)])
    return np.stack([np.broadcast_to(image, (channels, *image.shape[1:])) for image in made]) if made else _NOTHING


def _target(folder: Path, dataset: Dataset, config: DataConfig) -> Generator[None, None, tuple[int, int]]:
    """Width and height of the images: the settings', the open dataset's where it chose them, or by measuring some."""
    if config.image_size is None and dataset.config.image_size is None:
        _, height, width = dataset.image_shape
        return width, height
    sizes = []
    if config.image_size is None:
        for number in np.linspace(0, len(dataset) - 1, min(len(dataset), _MEASURED)).astype(int).tolist():
            try:
                sizes.append(read_image_info(str(folder / dataset.paths[number]))[0])
            except UnreadableError:
                continue
            yield
    return target_size(sizes or [(1, 1)], config)
