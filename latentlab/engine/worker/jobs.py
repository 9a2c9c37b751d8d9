"""Jobs of many steps other than training: opening and encoding a dataset, saving a model."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from itertools import chain, compress, islice
from operator import not_
from pathlib import Path

import numpy as np

from latentlab.config.image_statistics import ImageStatistics
from latentlab.config.info import DatasetInfo
from latentlab.data import Dataset, open_dataset
from latentlab.data.image_statistics import measure_images
from latentlab.data.images.value_range import decide, limits_text
from latentlab.data.sources.read_again import needs_reading_again, read_again
from latentlab.data.types import summarize_left_out
from latentlab.engine.protocol.messages import (
    DatasetOpened,
    DatasetPreview,
    DatasetProgress,
    ModelSaved,
    Notice,
    OpenDataset,
    SaveModel,
)
from latentlab.engine.worker.dataset_preview import contact_sheet, shown_on_sheet, value_histogram
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.models.inference import InferenceModel, weights_of
from latentlab.storage import ModelFile, Points, write_model
from latentlab.storage.outputs import check_output
from latentlab.training import manifold_preview
from latentlab.training.map_preview import some_of
from latentlab.training.run_writer import points_left_out
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.array_types import FloatArray, IntArray

_BETWEEN_PROGRESS = 0.1  # seconds
_MAX_SKIPPED_SENT = 1000
_IMAGE_KINDS = ("file", "frame")
_MAX_KINDS_SENT = 1000
_SLICE_SECONDS = 0.01  # seconds of encoding between two checks of the mailbox


def opening(workspace: Workspace, request: OpenDataset) -> Generator[None, None, None]:
    """Open a dataset; the earlier one stays until then.

    Raises
    ------
    InputError
        When it cannot be opened.
    """
    sent_at = 0.0
    for step in open_dataset(request.source, request.config):
        if isinstance(step, Dataset):
            statistics = yield from measure_images(step)
            images = np.asarray(step.images[shown_on_sheet(np.arange(len(step)))])
            workspace.send(DatasetOpened(_info(step, statistics), contact_sheet(images), value_histogram(step)))
            workspace.use_dataset(step)
            return
        if step.images is not None:
            shape = step.images.shape[1:]
            workspace.send(DatasetPreview(request.source, request.config, shape, contact_sheet(step.images)))
        if time.monotonic() - sent_at >= _BETWEEN_PROGRESS:
            sent_at = time.monotonic()
            workspace.send(DatasetProgress(step.message, step.done, step.total or 0))
        yield


def encoding(workspace: Workspace) -> Generator[None, None, None]:
    """Encode the whole open dataset with the current model: every image becomes a point of the map.

    Points that came with the model are kept if they encode images of this dataset: they are on the map already, and
    encoding is expensive for models that optimise each image's posterior.

    Raises
    ------
    InputError
        When there is no model or dataset, or they do not fit each other.
    """
    model, dataset, version = workspace.need_model(), workspace.need_dataset(), workspace.version
    fingerprint = dataset.fingerprint
    if dataset.image_shape != model.image_shape:
        raise InputError(
            f"the model takes images of shape {list(model.image_shape)}, these are {list(dataset.image_shape)}"
        )
    unmatched = model.labels_of(dataset).sentence
    if unmatched:
        workspace.send(Notice(f"{unmatched[0].upper()}{unmatched[1:]}."))
    existing = workspace.points_of(dataset)
    index = np.arange(len(dataset))
    if existing is not None and existing.index is not None:
        index = np.setdiff1d(index, existing.index)
    dataset = yield from as_the_model_reads(workspace, model, dataset)
    sent_at = time.monotonic()
    parts = []
    for done, part in encoded(model, dataset, index):
        if workspace.version != version:  # another model, whose points are its own
            return
        parts.append(part)
        if time.monotonic() - sent_at >= _BETWEEN_PROGRESS:
            sent_at = time.monotonic()
            workspace.send(DatasetProgress("Encoding images", done, len(index)))
        yield
    if existing is None:
        points = joined(parts, dataset, index)
    else:
        points = _merged(existing, joined(parts, dataset, index)) if parts else existing
    workspace.publish_points(points, dataset.classes, fingerprint)


def as_the_model_reads(workspace: Workspace, model: InferenceModel, dataset: Dataset) -> Generator[None, None, Dataset]:
    """The dataset with the value range of the model's training images, and a notice to the window if it differs."""
    known = model.value_ranges
    if known is None or dataset.fingerprint == model.header.data.get("fingerprint"):
        return dataset
    if not needs_reading_again(dataset, known):
        mine, training = dataset.value_range, decide(dataset.value_facts, "auto", known)[1]
        if (
            dataset.value_facts
            and training.origin == "model"
            and (mine.low, mine.high) != (training.low, training.high)
        ):
            workspace.send(
                Notice(
                    f"The images are encoded with {limits_text(mine)} as set, and the model was trained with "
                    f"{limits_text(training)}."
                )
            )
        return dataset
    steps = read_again(dataset, known)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            found: Dataset = end.value
            break
        workspace.send(DatasetProgress(progress.message, progress.done, progress.total or 0))
        yield
    text = f"The images are encoded with {limits_text(found.value_range)}, as the model's training images"
    if (found.value_range.low, found.value_range.high) != (dataset.value_range.low, dataset.value_range.high):
        text += f"; they are shown with {limits_text(dataset.value_range)}"
    warning = found.value_range.warning
    workspace.send(Notice(f"{text}{': ' if warning else ''}{warning}."))
    return found


def encoding_batch_size() -> AdaptiveBatchSize:
    """For :func:`encoded`: a batch takes about a frame."""
    return AdaptiveBatchSize(_SLICE_SECONDS, first=16)


def encoded(
    model: InferenceModel, dataset: Dataset, index: IntArray, batch_size: AdaptiveBatchSize | None = None
) -> Iterator[tuple[int, tuple[FloatArray, FloatArray]]]:
    """Encode the images ``index`` in batches; yields the number encoded so far, and the batch's mean and std."""
    batch_size = batch_size or encoding_batch_size()
    labels = model.labels_of(dataset).labels
    start = 0
    while start < len(index):
        chosen = index[start : start + batch_size.images]
        began = time.perf_counter()
        part = model.encode(np.asarray(dataset.images[chosen]), labels[chosen])
        batch_size.record(len(chosen), time.perf_counter() - began)
        start += len(chosen)
        yield start, part


def joined(parts: list[tuple[FloatArray, FloatArray]], dataset: Dataset, index: IntArray) -> Points:
    """The batches of :func:`encoded` as points."""
    mean, std = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Points(mean, std, dataset.labels[index], index.astype(np.int64))


def _merged(some: Points, others: Points) -> Points:
    """Both sets of points, in the dataset's order."""
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
    """Write the current model with its points and a picture of its manifold.

    Raises
    ------
    InputError, RunError
        When the file cannot be written.
    """
    model = workspace.need_model()
    if model.header.model.family == "foreign" and model.header.autoencoder is None:
        raise InputError("this model was made by another program and cannot be saved as a model file: copy its own")
    path = Path(request.path)
    if path.suffix != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    info, dataset = workspace.info, workspace.dataset
    open_model = [] if info is None else [each for each in (info.source, info.path) if each]
    check_output(path, *open_model, data="" if dataset is None else dataset.source)
    weights, points = weights_of(model.module), workspace.points
    if points is not None:
        points, left_out = points.of(some_of(len(points.mean), model.latent_dim)).storable()
        if left_out:
            workspace.send(Notice(f"{points_left_out(left_out)}."))
    is_spatial = model.header.model.latent_shape is not None  # a plane of two of its numbers shows nothing
    preview, extent = (None, None) if is_spatial else (yield from manifold_preview(model))
    flow = None if model.flow is None else weights_of(model.flow)
    shape = None if model.flow is None else model.flow.config
    header = model.header.model_copy(update={"preview_extent": extent, "latent_flow": shape})
    write_model(path, ModelFile(header, weights, points, preview, flow))
    workspace.send(ModelSaved(str(path)))


def _info(dataset: Dataset, statistics: ImageStatistics) -> DatasetInfo:
    training, validation = dataset.split()
    labels = dataset.labels
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.classes))
    left_out = dataset.left_out
    others = [each.is_not_image_file for each in left_out]
    broken_first = chain(compress(left_out, map(not_, others)), compress(left_out, others))
    return DatasetInfo(
        name=dataset.name,
        source=dataset.source,
        images=len(dataset),
        image_shape=dataset.image_shape,
        classes=dataset.classes,
        class_counts=tuple(counts.tolist()),
        training_images=len(training),
        validation_images=len(validation),
        skipped=tuple((each.path, each.reason) for each in islice(broken_first, _MAX_SKIPPED_SENT)),
        skipped_count=len(left_out),
        config=dataset.config,
        bytes_in_memory=dataset.images.nbytes,
        unlabelled=int((labels < 0).sum()),
        formats=_ranked(dataset.file_stats.formats),
        modes=_ranked(dataset.file_stats.modes),
        sizes=_ranked(dataset.file_stats.sizes),
        columns=(*(dataset.factors or ()), *dataset.metadata),
        unreadable_count=sum(each.kind in _IMAGE_KINDS for each in compress(left_out, map(not_, others))),
        left_out_summary=summarize_left_out(left_out, has_example=False),
        more_sizes=dataset.file_stats.more_sizes,
        splits=tuple(dataset.split_counts.items()),
        notes=tuple(dataset.notes),
        fingerprint=dataset.fingerprint,
        value_range=(dataset.value_range.low, dataset.value_range.high),
        range_sentence=dataset.value_range.sentence,
        range_warning=dataset.value_range.warning,
        statistics=statistics,
    )


def _ranked(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Most frequent first; only so many, since every image may have a size of its own."""
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_MAX_KINDS_SENT])
