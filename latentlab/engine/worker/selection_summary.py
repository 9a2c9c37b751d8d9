"""What selected images look like: some of them beside their reconstructions, and their mean."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np

from latentlab.data import Dataset
from latentlab.engine.protocol.messages import SelectionSummary, SummarizeSelection
from latentlab.engine.worker.decoded_images import decode_for_display
from latentlab.engine.worker.selected_images import SelectableImages, selectable_images
from latentlab.engine.worker.workspace import Workspace, require_drawable
from latentlab.models.inference import InferenceModel
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, to_bytes

_SLICE_SECONDS = 0.008
_MOST_AVERAGED = 20_000
"""Images in a mean: more change it by less than a level of grey."""
_MOST_SHOWN = 64


def summarizing(workspace: Workspace, request: SummarizeSelection) -> Generator[None, None, None]:
    """Decode some images, then average all of them; each is sent when it is known.

    Raises
    ------
    InputError
        When there is no model, or there are no images.
    """
    model = workspace.need_model()
    available = selectable_images(workspace)
    images = request.images[np.isin(request.images, available.images)]
    dataset = available.dataset
    if not len(images) or (dataset is not None and dataset.image_shape != model.image_shape):
        return  # the map shows none of them
    count = min(request.count, _MOST_SHOWN)
    shown = images[:count] if request.is_ranked else _evenly(images, count)
    is_current = workspace.points_version == workspace.version
    labels, latents = yield from _encoded(model, available, shown, request.label, is_current)
    reconstructions = yield from _decoded(workspace, model, latents, labels)
    mean, _ = available.latents(images)
    mean_latent = require_drawable((mean if len(mean) else latents).mean(axis=0, dtype=np.float64).astype(np.float32))
    mean_labels = None if request.label is None else np.array([request.label])
    decoded_mean = yield from _decoded(workspace, model, mean_latent[None], mean_labels)
    summary = SelectionSummary(
        generation=request.generation,
        model_version=workspace.version,
        images=shown,
        originals=None if dataset is None else as_pixels(np.asarray(dataset.images[shown])),
        reconstructions=reconstructions,
        latents=latents,
        mean_latent=mean_latent,
        decoded_mean=decoded_mean[0],
    )
    workspace.send(summary)
    if dataset is not None:
        averaged = _evenly(images, _MOST_AVERAGED)
        mean_image = yield from _mean_image(dataset, averaged)
        workspace.send(replace(summary, mean_image=mean_image, averaged=len(averaged)))


def _evenly(images: IntArray, most: int) -> IntArray:
    """At most so many of the images, evenly spaced."""
    if len(images) <= most:
        return images
    return images[np.linspace(0, len(images) - 1, most).round().astype(np.int64)]


def _encoded(
    model: InferenceModel, available: SelectableImages, shown: IntArray, label: int | None, is_current: bool
) -> Generator[None, None, tuple[IntArray | None, FloatArray]]:
    """Classes to decode with, and latents [n, d]: of the points if they are current, or if the images are not open."""
    dataset = available.dataset
    latents, rows = available.latents(shown)
    if dataset is None or (is_current and len(rows) == len(shown) and not model.module.classes):
        labels = available.labels[np.searchsorted(available.images, shown[rows])]
        return (np.where(labels < 0, label or 0, labels) if model.module.classes else None), latents
    batch = AdaptiveBatchSize(_SLICE_SECONDS, first=4)
    known = model.labels_of(dataset).labels[shown]
    parts: list[FloatArray] = []
    classes: list[IntArray] = []
    start = 0
    while start < len(shown):
        chosen = shown[start : start + batch.images]
        began = time.perf_counter()
        pixels = np.asarray(dataset.images[chosen])
        classes.append(model.classes_of_images(pixels, known[start : start + len(chosen)]))
        parts.append(model.encode(pixels, classes[-1])[0])
        batch.record(len(chosen), time.perf_counter() - began)
        start += len(chosen)
        yield
    return np.concatenate(classes) if model.module.classes else None, require_drawable(np.concatenate(parts))


def _decoded(
    workspace: Workspace, model: InferenceModel, latents: FloatArray, labels: IntArray | None
) -> Generator[None, None, ByteArray]:
    """The images of latents [n, d], of a table the nearest ones: uint8 [n, H, W] or [n, H, W, 3]."""
    batch = AdaptiveBatchSize(_SLICE_SECONDS, first=4)
    parts, start = [], 0
    while start < len(latents):
        piece = slice(start, start + batch.images)
        began = time.perf_counter()
        known = None if labels is None else labels[piece]
        parts.append(to_bytes(decode_for_display(workspace, model, latents[piece], known)))
        batch.record(len(parts[-1]), time.perf_counter() - began)
        start += len(parts[-1])
        yield
    pixels: ByteArray = as_pixels(np.concatenate(parts))
    return pixels


def _mean_image(dataset: Dataset, images: IntArray) -> Generator[None, None, ByteArray]:
    """Mean of images, rounded to levels of grey."""
    batch = AdaptiveBatchSize(_SLICE_SECONDS, first=16, most=4096)
    total, start = np.zeros(dataset.image_shape, np.int64), 0
    while start < len(images):
        chosen = images[start : start + batch.images]
        began = time.perf_counter()
        total += np.asarray(dataset.images[chosen]).sum(axis=0, dtype=np.int64)
        batch.record(len(chosen), time.perf_counter() - began)
        start += len(chosen)
        yield
    mean: ByteArray = as_pixels(np.rint(total / len(images)).astype(np.uint8)[None])[0]
    return mean
