"""Work of many steps that is not a training: opening and encoding a dataset, saving a model."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from itertools import chain, compress, islice
from operator import not_
from pathlib import Path

import numpy as np

from latentlab.config import DataConfig, validated
from latentlab.data import Dataset, LoadProgress, open_dataset
from latentlab.data.images.image_file import UnreadableError
from latentlab.data.images.to_array import decode
from latentlab.engine.protocol.messages import (
    DatasetInfo,
    DatasetOpened,
    DatasetPreview,
    DatasetProgress,
    EncodeImage,
    ImageEncoded,
    ModelSaved,
    OpenDataset,
    SaveModel,
)
from latentlab.engine.worker.dataset_preview import sheet_of, shown_first
from latentlab.engine.worker.decoded_images import as_pixels, to_bytes
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.evaluation import quick_bound
from latentlab.models.inference import InferenceModel, weights_of
from latentlab.storage import ModelFile, Points, write_model
from latentlab.training import manifold_preview
from latentlab.training.map_preview import some_of

_BETWEEN_PROGRESS = 0.1  # seconds
_SHOWN_SKIPPED = 1000
_SHOWN_KINDS = 1000
_PIECE = 0.01  # seconds of encoding between two looks at the mailbox
_MOST_AT_ONCE = 128


def opening(workspace: Workspace, request: OpenDataset) -> Generator[None, None, None]:
    """Open a dataset; the earlier one stays until that is done.

    Raises
    ------
    InputError
        When there is nothing that can be opened.
    """
    told_at = 0.0
    for step in open_dataset(request.source, request.config):
        if isinstance(step, Dataset):
            workspace.dataset = step
            images = np.asarray(step.images[shown_first(np.arange(len(step)))])
            workspace.send(DatasetOpened(_info(step), sheet_of(images)))
            return
        if step.images is not None:
            shape = step.images.shape[1:]
            workspace.send(DatasetPreview(request.source, request.config, shape, sheet_of(step.images)))
        if time.monotonic() - told_at >= _BETWEEN_PROGRESS:
            told_at = time.monotonic()
            workspace.send(_progress(step))
        yield


def encoding(workspace: Workspace) -> Generator[None, None, None]:
    """Encode the whole open dataset with the live model: every image a point of the map.

    Points that came with the model are of these weights and stay, where they are of these images: they are on the map
    at once, and where each is searched for it is not searched for again.

    Raises
    ------
    InputError
        When there is no model or dataset, or they do not fit each other.
    """
    model, dataset, version = workspace.need_model(), workspace.need_dataset(), workspace.version
    if dataset.image_shape != model.image_shape:
        raise InputError(
            f"the model takes images of shape {list(model.image_shape)}, these are {list(dataset.image_shape)}"
        )
    there = workspace.points_of(dataset)
    index = np.arange(len(dataset))
    if there is not None and there.index is not None:
        index = np.setdiff1d(index, there.index)
    told_at = time.monotonic()
    parts = []
    for done, part in encoded(model, dataset, index):
        if workspace.version != version:  # another model, which has points of its own
            return
        parts.append(part)
        if time.monotonic() - told_at >= _BETWEEN_PROGRESS:
            told_at = time.monotonic()
            workspace.send(DatasetProgress("Encoding images", done, len(index)))
        yield
    if there is None:
        points = joined(parts, dataset, index)
    else:
        points = _merged(there, joined(parts, dataset, index)) if parts else there
    workspace.tell_points(points, dataset.classes, dataset.fingerprint)


def encoded(
    model: InferenceModel, dataset: Dataset, index: np.ndarray, per_image: float = _PIECE / 16
) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """Encode some images in pieces that last about a frame: how many are done, and the piece's mean and std.

    Parameters
    ----------
    model, dataset, index
        What encodes, and which images of what.
    per_image
        Seconds one image is expected to take, until it has been measured.
    """
    start = 0
    while start < len(index):
        stop = start + int(np.clip(_PIECE / per_image, 1, _MOST_AT_ONCE))
        chosen = index[start:stop]
        began = time.perf_counter()
        part = model.encode(np.asarray(dataset.images[chosen]), dataset.labels[chosen])
        per_image = (time.perf_counter() - began) / len(chosen)
        start = stop
        yield min(start, len(index)), part


def joined(parts: list[tuple[np.ndarray, np.ndarray]], dataset: Dataset, index: np.ndarray) -> Points:
    """The pieces of :func:`encoded` as points."""
    mean, std = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Points(mean, std, dataset.labels[index], index.astype(np.int64))


def _merged(some: Points, others: Points) -> Points:
    """The points of both, in the dataset's order."""
    assert some.index is not None
    assert others.index is not None
    index = np.concatenate([some.index, others.index])
    order = np.argsort(index)
    both = Points(
        np.concatenate([some.mean, others.mean]),
        np.concatenate([some.std, others.std]),
        np.concatenate([some.label, others.label]),
        index,
    )
    return both.of(order)


def saving(workspace: Workspace, request: SaveModel) -> Generator[None, None, None]:
    """Write the live model as it is, with its points and a picture of its manifold.

    Raises
    ------
    InputError, RunError
        When the file cannot be written.
    """
    model = workspace.need_model()
    weights, points = weights_of(model.module), workspace.points
    if points is not None:
        points = points.of(some_of(len(points.mean), model.latent_dim))
    preview, extent = yield from manifold_preview(model)
    header = model.header.model_copy(update={"preview_extent": extent})
    path = Path(request.path)
    if path.suffix != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    write_model(path, ModelFile(header, weights, points, preview))
    workspace.send(ModelSaved(str(path)))


def encode_image(workspace: Workspace, request: EncodeImage) -> None:
    """Encode one image file, made ready as the model's own data was.

    Raises
    ------
    InputError
        When it is no image.
    """
    model = workspace.need_model()
    channels, height, width = model.image_shape
    config = validated(DataConfig, {**model.header.data.get("config", {}), "channels": channels})
    try:
        pixels = decode(request.path, (width, height), config).pixels
    except UnreadableError as error:
        raise InputError(f"{request.path}: {error}") from None
    if pixels.shape != model.image_shape:
        pixels = np.ascontiguousarray(np.broadcast_to(pixels, model.image_shape))
    label = None
    if model.header.model.conditional:
        # A model that classifies knows best; another is told what the window shows.
        (guess,) = model.classes_of_images(pixels[None], -1)
        label = int(guess) if guess >= 0 else request.label
    labels = None if label is None else np.array([label])
    mean, std = model.encode(pixels[None], labels)
    bound = quick_bound(model.module, pixels[None], labels)
    workspace.send(
        ImageEncoded(
            workspace.version,
            request.path,
            mean[0],
            std[0],
            as_pixels(pixels[None])[0],
            as_pixels(to_bytes(model.decode(mean, labels)))[0],
            bound.distortion,
            bound.rate,
            label,
        )
    )


def _progress(step: LoadProgress) -> DatasetProgress:
    return DatasetProgress(step.message, step.done, step.total or 0)


def _info(dataset: Dataset) -> DatasetInfo:
    training, validation = dataset.split()
    labels = dataset.labels
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.classes))
    others = [each.is_not_image_file for each in dataset.skipped]
    broken_first = chain(compress(dataset.skipped, map(not_, others)), compress(dataset.skipped, others))
    return DatasetInfo(
        name=dataset.name,
        source=dataset.source,
        images=len(dataset),
        image_shape=dataset.image_shape,
        classes=dataset.classes,
        class_counts=tuple(counts.tolist()),
        training_images=len(training),
        validation_images=len(validation),
        skipped=tuple((each.path, each.reason) for each in islice(broken_first, _SHOWN_SKIPPED)),
        skipped_count=len(dataset.skipped),
        config=dataset.config,
        bytes_in_memory=dataset.images.nbytes,
        unlabelled=int((labels < 0).sum()),
        formats=_ranked(dataset.file_stats.formats),
        modes=_ranked(dataset.file_stats.modes),
        sizes=_ranked(dataset.file_stats.sizes),
        columns=(*(dataset.factors or ()), *dataset.metadata),
        others_count=sum(others),
        more_sizes=dataset.file_stats.more_sizes,
        fingerprint=dataset.fingerprint,
    )


def _ranked(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The most frequent first; sizes can be as many as images, and nobody reads them all."""
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN_KINDS])
