"""A second model beside the current one: opened, aligned and measured in pieces, and decoded for the same image."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from latentlab.config.info import ModelInfo
from latentlab.data import Dataset
from latentlab.engine.protocol.messages import (
    ComparisonOpened,
    ComparisonProgress,
    ModelFigures,
    OpenComparison,
    PointsChanged,
    SnapshotRead,
)
from latentlab.engine.worker.jobs import encoded, joined
from latentlab.engine.worker.run_history import snapshot_read
from latentlab.engine.worker.workspace import Workspace, components_of, info_of, kl_per_dimension
from latentlab.errors import InputError
from latentlab.evaluation import quick_bound
from latentlab.evaluation.report import ACTIVE_VARIANCE
from latentlab.latent.alignment import Procrustes, procrustes
from latentlab.models.inference import InferenceModel, model_from
from latentlab.storage import Points, RunFolder, Snapshot, find_model, read_model
from latentlab.training.snapshots import shown_images

MAX_ENCODED = 10_000
"""Images that the compared model encodes, for its map and for the alignment."""
MAX_ALIGNED = 256
"""Dimensions up to which two latent spaces are aligned: a singular value decomposition of more takes too long."""
_MEASURED, _MEASURED_AT_A_TIME = 512, 16  # images
_MIN_COMMON = 3


@dataclass(frozen=True, eq=False)
class Compared:
    """What the worker holds of a compared model.

    Attributes
    ----------
    request
        What opened it, or aligned it last.
    model
        ``None`` for a snapshot, which has no weights.
    first
        Snapshot of the current model's run that it is compared with; ``None`` for the model as it is now.
    info, points, fingerprint
        Its description, and the images that it encodes with the fingerprint of their dataset.
    stamp
        State of its file.
    """

    request: OpenComparison
    info: ModelInfo
    model: InferenceModel | None
    snapshot: Snapshot | None
    points: Points | None
    fingerprint: str
    stamp: tuple[str, int]
    alignment: Procrustes | None = None
    first: Snapshot | None = None


def comparing(workspace: Workspace, request: OpenComparison) -> Generator[None, None, None]:
    """Open the compared model, encode the open images by it, align it with the current one, and measure both.

    A model that is held already is only aligned anew, with the current model's present points.

    Raises
    ------
    InputError
        When it cannot be read; an earlier one is dropped.
    """
    model = workspace.need_model()
    held = workspace.compared
    if held is None or not _is_same(held, request):
        workspace.compared = None  # before the other is read: there are never three models
        held = _opened(workspace, request, model)
        workspace.compared = held
        yield
    dataset = workspace.dataset
    if held.model is not None and dataset is not None and _needs_encoding(held, dataset):
        points = yield from _encode(workspace, held.model, dataset)
        held = replace(held, points=points, fingerprint=dataset.fingerprint)
    held = replace(held, first=_first_snapshot(workspace, request))
    alignment, why_not, common = _align(workspace, held)
    held = replace(held, request=request, alignment=alignment)
    workspace.compared = held
    yield
    figures = yield from _figures(workspace, model, held)
    workspace.send(
        ComparisonOpened(
            request.generation,
            held.info,
            _published(workspace, held),
            _snapshot_read(workspace, held),
            alignment,
            why_not,
            common,
            figures,
            held.model is not None,
        )
    )


def _first_snapshot(workspace: Workspace, request: OpenComparison) -> Snapshot | None:
    """The viewed epoch of the current model's run; ``None`` if there is none, or it has been removed meanwhile."""
    info = workspace.info
    if request.first_epoch is None or info is None or not info.source:
        return None
    try:
        snapshot = RunFolder(info.source).snapshots.read(request.first_epoch)
    except InputError:
        return None
    return snapshot if snapshot.mean.shape[1] == info.latent_dim else None


def _is_same(held: Compared, request: OpenComparison) -> bool:
    same = (held.request.source, held.request.epoch) == (request.source, request.epoch)
    try:
        return same and held.stamp == _stamp(_path_of(request))
    except (InputError, OSError):
        return False


def _path_of(request: OpenComparison) -> Path:
    if request.epoch is None:
        return find_model(request.source)
    return RunFolder(request.source).snapshots.path(request.epoch)


def _stamp(path: Path) -> tuple[str, int]:
    return str(path), path.stat().st_mtime_ns


def _opened(workspace: Workspace, request: OpenComparison, model: InferenceModel) -> Compared:
    path = _path_of(request)
    if request.epoch is None:
        file = read_model(path)
        info = info_of(file.header, request.source, path, file.capabilities)
        fingerprint = str(file.header.data.get("fingerprint", ""))
        loaded = model_from(file, model.device, path)
        return Compared(request, info, loaded, None, file.points, fingerprint, _stamp(path))
    snapshot = RunFolder(request.source).snapshots.read(request.epoch)
    info = _info_of_run(workspace, request.source)
    if snapshot.mean.shape[1] != info.latent_dim:
        raise InputError(
            f"{path} has points of {snapshot.mean.shape[1]} dimensions, and the model has {info.latent_dim}"
        )
    info = replace(info, name=_name_of_epoch(info, snapshot))
    return Compared(request, info, None, snapshot, _points_of(snapshot), snapshot.fingerprint, _stamp(path))


def _points_of(snapshot: Snapshot) -> Points:
    return Points(snapshot.mean, np.zeros_like(snapshot.mean), snapshot.label, snapshot.index)


def _name_of_epoch(info: ModelInfo, snapshot: Snapshot) -> str:
    """The epoch first: it is what differs, and the name may be elided."""
    return f"Epoch {snapshot.epoch} of {info.name}"


def _info_of_run(workspace: Workspace, run: str) -> ModelInfo:
    """The description of a run's model: that of the current one if it is of this run, also while it is trained."""
    info = workspace.info
    if info is not None and info.source and Path(info.source) == Path(run):
        return info
    path = find_model(run)
    file = read_model(path)
    return info_of(file.header, run, path, file.capabilities)


def _needs_encoding(held: Compared, dataset: Dataset) -> bool:
    """Whether the open images fit the compared model, and are not those of its points."""
    if dataset.image_shape != held.info.image_shape or not held.info.has_encoder:
        return False
    return held.fingerprint != dataset.fingerprint or held.points is None or held.points.index is None


def _encode(workspace: Workspace, model: InferenceModel, dataset: Dataset) -> Generator[None, None, Points]:
    """The images of the current model's points, as far as they are not too many, encoded by another model."""
    of_current = workspace.points_of(dataset)
    index = np.arange(len(dataset)) if of_current is None or of_current.index is None else np.sort(of_current.index)
    if len(index) > MAX_ENCODED:
        index = np.sort(np.random.default_rng(0).choice(index, MAX_ENCODED, replace=False))
    parts = []
    for done, part in encoded(model, dataset, index):
        parts.append(part)
        workspace.send(ComparisonProgress(f"Encoding images for the comparison: {done:,} of {len(index):,}"))
        yield
    return joined(parts, dataset, index)


def _align(workspace: Workspace, held: Compared) -> tuple[Procrustes | None, str, int]:
    """Lay the compared latents onto the current ones, by the images that both encode."""
    points, others = _first_points(workspace, held), held.points
    fingerprint = workspace.points_data if held.first is None else held.first.fingerprint
    if points is None or others is None or points.index is None or others.index is None:
        return None, "open the images of both models to align them", 0
    if not held.fingerprint or fingerprint != held.fingerprint:
        return None, "their points are of different datasets: open the images to align them", 0
    _, rows, other_rows = np.intersect1d(points.index, others.index, return_indices=True)
    if len(rows) < _MIN_COMMON:
        return None, "they encode no common images", len(rows)
    if max(points.mean.shape[1], others.mean.shape[1]) > MAX_ALIGNED:
        return None, f"latent spaces of more than {MAX_ALIGNED} dimensions are not aligned", len(rows)
    try:
        return procrustes(points.mean[rows], others.mean[other_rows]), "", len(rows)
    except InputError as error:
        return None, str(error), len(rows)


def _first_points(workspace: Workspace, held: Compared) -> Points | None:
    return workspace.points if held.first is None else _points_of(held.first)


# --- figures --------------------------------------------------------------------------------------------------


def _figures(
    workspace: Workspace, model: InferenceModel, held: Compared
) -> Generator[None, None, tuple[ModelFigures, ModelFigures]]:
    """Both measured on the open images if both have weights; else both as stored, never one of each."""
    first, second = _stored_figures(workspace, held)
    dataset = workspace.dataset
    if dataset is None or held.model is None or held.first is not None:
        return first, second
    # By the same images, even if one of the models has been measured on others before.
    has_bounds = not (model.capabilities.why_no_bound or held.model.capabilities.why_no_bound)
    if has_bounds and model.image_shape == held.model.image_shape == dataset.image_shape:
        first = yield from _measured(model, dataset, first)
        second = yield from _measured(held.model, dataset, second)
    return first, second


def _stored_figures(workspace: Workspace, held: Compared) -> tuple[ModelFigures, ModelFigures]:
    """Rate, distortion and ELBO as stored with the models, or after the epochs, that are compared."""
    info = workspace.info
    assert info is not None
    is_of_run = held.snapshot is not None and bool(info.source) and Path(held.request.source) == Path(info.source)
    name, metrics = info.name, info.metrics
    if held.first is not None:
        name, metrics = _name_of_epoch(info, held.first), held.first.metrics
    elif is_of_run:
        name, metrics = f"Now: {info.name}", _metrics_of_run(info, workspace.epoch)
    points = _first_points(workspace, held)
    if held.snapshot is not None and points is not None and points.index is not None:
        points = points.of(np.flatnonzero(np.isin(points.index, held.snapshot.index)))
    other_metrics, other_name = held.info.metrics, held.info.name
    if held.snapshot is not None:
        other_metrics, other_name = held.snapshot.metrics, Path(held.request.source).name
    first = _stored(replace(info, name=name), metrics, points, "the run" if is_of_run else info.name)
    second = _stored(held.info, other_metrics, held.points, "the run" if is_of_run else other_name)
    return first, second


def _metrics_of_run(info: ModelInfo, epoch: float) -> dict[str, float]:
    """The figures in the model's file, or of a run's last finished epoch while its weights are in no file."""
    if info.path is not None or not info.source:
        return info.metrics
    try:
        lines = RunFolder(info.source).read_metrics()
    except (InputError, OSError):
        return info.metrics
    done = [line for line in lines if line.get("event") == "epoch" and line.get("epoch", 0) <= epoch]
    if not done:
        return info.metrics
    splits = {"train": done[-1].get("train"), "validation": done[-1].get("validation")}
    return {f"{split}_{name}": value for split, means in splits.items() for name, value in (means or {}).items()}


def _stored(info: ModelInfo, metrics: dict[str, float], points: Points | None, owner: str) -> ModelFigures:
    """The figures that were stored with a model, and its active units by its points; ``owner`` has the images."""
    part = "validation" if "validation_elbo" in metrics else "train"
    elbo, rate, distortion = (metrics.get(f"{part}_{name}") for name in ("elbo", "rate", "distortion"))
    active = None if points is None or len(points.mean) < 2 else int((points.mean.var(axis=0) > ACTIVE_VARIANCE).sum())
    images = "validation" if part == "validation" else "training"
    measured_on = "" if elbo is None else f"the {images} images of {owner}, as stored"
    return ModelFigures(
        info.name, info.recipe, info.latent_dim, info.parameters, elbo, rate, distortion, active, measured_on
    )


def _measured(model: InferenceModel, dataset: Dataset, figures: ModelFigures) -> Generator[None, None, ModelFigures]:
    """Rate, distortion and ELBO on some images of the open dataset, with one latent per image."""
    index = shown_images(dataset, _MEASURED)
    labels = model.labels_of(dataset).labels[index]
    sums = np.zeros(3)
    for start in range(0, len(index), _MEASURED_AT_A_TIME):
        chosen = slice(start, start + _MEASURED_AT_A_TIME)
        bound = quick_bound(model.module, np.asarray(dataset.images[index[chosen]]), labels[chosen])
        sums += np.array([bound.elbo, bound.rate, bound.distortion]) * len(index[chosen])
        yield
    elbo, rate, distortion = (sums / len(index)).tolist()
    return replace(
        figures, elbo=elbo, rate=rate, distortion=distortion, measured_on=f"{len(index):,} images of {dataset.name}"
    )


# --- what the window gets ---------------------------------------------------------------------------------------


def _published(workspace: Workspace, held: Compared) -> PointsChanged | None:
    points = held.points
    if points is None or held.snapshot is not None:
        return None
    layout = held.info.layout
    dataset = workspace.dataset
    of_dataset = dataset is not None and dataset.fingerprint == held.fingerprint
    return PointsChanged(
        model_version=held.request.generation,
        mean=points.mean,
        std=points.std,
        label=points.label,
        classes=dataset.classes if of_dataset and dataset is not None else held.info.classes,
        kl=kl_per_dimension(points, layout),
        components=components_of(points.mean, layout),
        columns=workspace.columns_of(points.index, held.fingerprint),
        fingerprint=held.fingerprint,
        index=points.index,
    )


def _snapshot_read(workspace: Workspace, held: Compared) -> SnapshotRead | None:
    snapshot = held.snapshot
    if snapshot is None:
        return None
    return snapshot_read(workspace, snapshot, held.request.generation, held.request.source)
