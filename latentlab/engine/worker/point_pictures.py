"""Pictures of encoded images for the map: the images themselves, or what the model decodes from their latents."""

from __future__ import annotations

import numpy as np

from latentlab.data.match_classes import match_classes
from latentlab.engine.protocol.messages import PicturesOfPoints
from latentlab.engine.worker.workspace import Workspace
from latentlab.models.inference import InferenceModel
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, shrink, to_bytes


def known_rows(workspace: Workspace, request: PicturesOfPoints) -> IntArray:
    """The rows of a request that can be shown: those of points that there are, with an image if one is wanted."""
    points = workspace.points
    if points is None:
        return np.zeros(0, np.int64)
    rows = np.asarray(request.rows, np.int64)
    rows = rows[(rows >= 0) & (rows < len(points.mean))]
    if request.kind == "decoded":
        return rows
    dataset = workspace.dataset_of_points()
    if dataset is None or points.index is None:
        return rows[:0]
    index = points.index[rows]
    return rows[(index >= 0) & (index < len(dataset))]


def real_pictures(workspace: Workspace, rows: IntArray, pixels: int) -> ByteArray:
    """The open dataset's images of these points, at most ``pixels`` on a side: uint8 [k, h, w] or [k, h, w, 3]."""
    dataset, points = workspace.dataset_of_points(), workspace.points
    assert dataset is not None
    assert points is not None
    assert points.index is not None
    return small(np.asarray(dataset.images[points.index[rows]], np.float32) / np.float32(255), pixels)


def latents_of(workspace: Workspace, model: InferenceModel, rows: IntArray) -> tuple[FloatArray, IntArray | None]:
    """Latents [k, d] of these points, and the classes to decode them for, in the model's numbers."""
    points = workspace.points
    assert points is not None
    if not model.module.classes:
        return points.mean[rows], None
    return points.mean[rows], match_classes(points.label[rows], workspace.points_classes, model.header.classes).labels


def small(images: FloatArray, pixels: int) -> ByteArray:
    """Images [k, C, H, W] in [0, 1] for the window, at most ``pixels`` on a side."""
    pictures: ByteArray = as_pixels(to_bytes(shrink(images, pixels)))
    return pictures
