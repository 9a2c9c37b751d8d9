"""Jobs for the Board: small pictures of what was kept, and directions of the encoded images' latents."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.data import Dataset
from latentlab.engine.protocol.messages import DirectionFound, DrawThumbnail, FindDirection, ImageGroup, ThumbnailDrawn
from latentlab.engine.worker.decoded_images import decode_for_display
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.latent import Direction
from latentlab.latent.directions import direction_in_steps, regression_direction_in_steps
from latentlab.storage import Points
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray
from latentlab.utils.pixels import as_pixels, shrink, to_bytes

SIDE = 40
"""Greatest height and width of an image in a thumbnail, in pixels."""
MOST_AVERAGED = 4096
"""Images of a selection that its mean image is made of; of more, as many evenly spaced ones."""
_PIXELS_AT_ONCE = 1 << 20
_VALUES_AT_ONCE = 1 << 20

_SCORES = ("cohens_d", "random_cohens_d", "random_spread", "p_value", "accuracy", "r2")  # infinite ones too

Steps = Generator[None, None, None]


def start(workspace: Workspace, request: DrawThumbnail | FindDirection) -> Steps:
    """Begin a job."""
    if isinstance(request, DrawThumbnail):
        return _drawing(workspace, request)
    return _finding(workspace, request)


# --- thumbnails --------------------------------------------------------------------------------------------------


def _drawing(workspace: Workspace, request: DrawThumbnail) -> Steps:
    version, image = workspace.version, None
    if request.images is not None:
        image = yield from _picture_of_images(workspace, request)
    elif request.latents is not None:
        image = yield from _decoded(workspace, request.latents, request.label)
    workspace.send(ThumbnailDrawn(request.key, version, image))


def _decoded(workspace: Workspace, latents: FloatArray, label: int | None) -> Generator[None, None, ByteArray | None]:
    """Latents [n, d] decoded side by side, one a step; ``None`` if they are not of the current model."""
    parts = []
    for latent in latents:
        model = workspace.model
        if model is None or model.latent_dim != latent.size:
            return None
        parts.append(shrink(decode_for_display(workspace, model, latent[None], label), SIDE))
        yield
    return _side_by_side(np.concatenate(parts)) if parts else None


def _picture_of_images(workspace: Workspace, request: DrawThumbnail) -> Generator[None, None, ByteArray | None]:
    """The mean of the images if their dataset is open, else their decoded mean latent."""
    assert request.images is not None
    dataset = workspace.dataset
    if dataset is not None and dataset.fingerprint == request.fingerprint:
        chosen = request.images[request.images < len(dataset)]
        return (yield from _mean_image(dataset, chosen))
    points = workspace.points
    if points is None or (workspace.points_data or "") != request.fingerprint:
        return None
    rows = _rows(points, ImageGroup(request.images))
    if not len(rows):
        return None
    mean = points.mean[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
    return (yield from _decoded(workspace, mean[None], request.label))


def _mean_image(dataset: Dataset, chosen: IntArray) -> Generator[None, None, ByteArray | None]:
    if not len(chosen):
        return None
    chosen = chosen[:: -(-len(chosen) // MOST_AVERAGED)]
    at_once = max(1, _PIXELS_AT_ONCE // int(np.prod(dataset.image_shape)))
    total = np.zeros(dataset.image_shape)
    for begin in range(0, len(chosen), at_once):
        images = np.asarray(dataset.images[chosen[begin : begin + at_once]])
        total += images.sum(axis=0, dtype=np.float64)
        yield
    mean = (total / (255 * len(chosen))).astype(np.float32)
    return _side_by_side(shrink(mean[None], SIDE))


def _side_by_side(images: FloatArray) -> ByteArray:
    """Images [n, C, H, W] as one, [H, n·W] or [H, n·W, 3]."""
    joined: ByteArray = np.concatenate(list(as_pixels(to_bytes(images))), axis=1)
    return joined


# --- directions --------------------------------------------------------------------------------------------------


def _finding(workspace: Workspace, request: FindDirection) -> Steps:
    points, version, epoch = workspace.points, workspace.points_version, workspace.epoch
    if points is None or not len(points.mean):
        raise InputError("a direction needs encoded images: open a dataset first")
    if (workspace.points_data or "") != request.fingerprint:
        raise InputError("the encoded images are of another dataset than the selection")
    shared = 0
    if request.component is not None:
        found, scores = yield from _along_component(points, np.asarray(request.component, np.float64))
    else:
        latents: NDArray[Any] = points.mean
        if request.against is not None:
            latents = yield from _orthogonal_part(latents, request.against)
        if request.column:
            steps = regression_direction_in_steps(latents, _numbers(workspace, points, request.column))
            middle = points.mean.mean(axis=0, dtype=np.float64)
        else:
            first, second, shared = _two_groups(points, request)
            steps = direction_in_steps(latents[first], latents[second])
            ends = (points.mean[rows].mean(axis=0, dtype=np.float64) for rows in (first, second))
            middle = np.mean(list(ends), axis=0)
        yield
        found = yield from _last(steps)
        if request.against is not None:  # the middle of the latents themselves, not of their part
            found = replace(found, origin=middle)
        scores = {name: value for name in _SCORES if not np.isnan(value := getattr(found, name))}
    vector, origin = found.vector.astype(np.float32), found.origin.astype(np.float32)
    workspace.send(DirectionFound(request.generation, version, vector, origin, scores, found.counts, shared, epoch))


def _orthogonal_part(latents: FloatArray, against: FloatArray) -> Generator[None, None, NDArray[np.float64]]:
    """The part of latents [N, d] that is orthogonal to some vectors [m, d]."""
    if against.ndim != 2 or against.shape[1] != latents.shape[1]:
        raise InputError(f"the model has {latents.shape[1]} latent dimensions, not {against.shape[-1]}")
    _, strength, axes = np.linalg.svd(against.astype(np.float64), full_matrices=False)
    axes = axes[strength > 1e-6 * strength.max(initial=0)]
    part = np.empty(latents.shape)
    at_once = max(1, _VALUES_AT_ONCE // latents.shape[1])
    for begin in range(0, len(latents), at_once):
        rows = slice(begin, begin + at_once)
        part[rows] = latents[rows] - (latents[rows] @ axes.T) @ axes
        yield
    if np.abs(part).max(initial=0) <= 1e-6 * np.abs(latents).max(initial=0):
        raise InputError("the other directions span the whole latent space: nothing is orthogonal to them")
    return part


def _last(steps: Iterator[Direction]) -> Generator[None, None, Direction]:
    found = next(steps)
    while (further := next(steps, None)) is not None:
        found = further
        yield
    return found


def _two_groups(points: Points, request: FindDirection) -> tuple[IntArray, IntArray, int]:
    """Rows of both groups without those in both, and the number of the latter."""
    if request.a is None or request.b is None:
        raise InputError("a direction needs two groups of images")
    first, second = _rows(points, request.a), _rows(points, request.b)
    shared = np.intersect1d(first, second, assume_unique=True)
    if len(shared):
        first = np.setdiff1d(first, shared, assume_unique=True)
        second = np.setdiff1d(second, shared, assume_unique=True)
    if not len(first) or not len(second):
        reason = "all of its images are in both" if len(shared) else "none of its images is encoded"
        raise InputError(f"a group of the direction is empty: {reason}")
    return first, second, len(shared)


def _rows(points: Points, group: ImageGroup) -> IntArray:
    """Rows of the points of a group's images, ascending."""
    chosen = np.zeros(len(points.mean), bool)
    if group.label is not None:
        chosen = points.label == group.label
    elif group.images is not None and points.index is None:
        chosen[group.images[group.images < len(chosen)]] = True
    elif group.images is not None:
        chosen = np.isin(np.asarray(points.index), group.images)
    return np.flatnonzero(~chosen if group.are_others else chosen)


def _numbers(workspace: Workspace, points: Points, column: str) -> FloatArray:
    """A column's value for each point."""
    values = workspace.columns_of(points.index, workspace.points_data).get(column)
    if values is None or values.dtype.kind not in "biuf":
        raise InputError(f"the encoded images have no column of numbers that is called {column!r}")
    numbers: FloatArray = values.astype(np.float64)
    return numbers


def _along_component(
    points: Points, component: FloatArray
) -> Generator[None, None, tuple[Direction, dict[str, float]]]:
    """A principal component as a direction: a step is one standard deviation of the points along it."""
    count, size = points.mean.shape
    if component.shape != (size,):
        raise InputError(f"the model has {size} latent dimensions, not {component.size}")
    sums, squares, along, along_squares = np.zeros(size), np.zeros(size), 0.0, 0.0
    at_once = max(1, _VALUES_AT_ONCE // size)
    for begin in range(0, count, at_once):
        part = points.mean[begin : begin + at_once].astype(np.float64)
        position = part @ component
        sums, squares = sums + part.sum(axis=0), squares + (part**2).sum(axis=0)
        along, along_squares = along + position.sum(), along_squares + (position**2).sum()
        yield
    variance = float(along_squares / count - (along / count) ** 2)
    total = float((squares / count - (sums / count) ** 2).sum())
    if variance <= 0 or total <= 0:
        raise InputError("the encoded images do not vary along this component")
    found = Direction(component * np.sqrt(variance), sums / count, counts=(count, 0))
    return found, {"explained": variance / total}
