"""Ranks all images by how well the model describes them, or by how lonely their points are; in steps."""

from __future__ import annotations

import time
from collections.abc import Generator

import numpy as np

from latentlab.engine.protocol.messages import ImagesRanked, RankImages, RankingProgress
from latentlab.engine.worker.jobs import as_the_model_reads
from latentlab.engine.worker.selected_images import SelectableImages, selectable_images
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.evaluation.per_image import image_bounds
from latentlab.storage import Points
from latentlab.utils.adaptive_batch_size import AdaptiveBatchSize
from latentlab.utils.array_types import FloatArray, IntArray

_SLICE_SECONDS = 0.008
_BETWEEN_PROGRESS = 0.1  # seconds
_MOST_COMPARED = 50_000
"""Points that each point is compared with: of more, so many are drawn, and distances are a little too large."""

Steps = Generator[None, None, None]


class ImageRanking:
    """Answers ``RankImages``; values of the same weights and images are not computed again.

    Parameters
    ----------
    workspace
        Holds the model, the points and the dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known_of: tuple[object, ...] = ()
        self._known: dict[str, tuple[IntArray, FloatArray, int]] = {}

    def answer(self, request: RankImages) -> Steps:
        """Rank step by step, then send the result.

        Raises
        ------
        InputError
            When there is nothing to rank, or the model cannot.
        """
        available = selectable_images(self._workspace)
        version = self._workspace.version
        key = version, available.fingerprint, id(available.points)
        if key != self._known_of:
            self._known_of, self._known = key, {}
        if request.by not in self._known:
            yield from self._measure(request, available)
        images, values, compared = self._known[request.by]
        order = np.argsort(values if request.by == "elbo" else -values, kind="stable")
        self._workspace.send(
            ImagesRanked(
                request.generation, version, request.by, images[order], values[order], available.fingerprint, compared
            )
        )

    def _measure(self, request: RankImages, available: SelectableImages) -> Steps:
        if request.by == "distance":
            points = available.points
            if points is None or len(points.mean) < 2:
                raise InputError("distances need at least two encoded images")
            distances, compared = yield from self._distances(request, points)
            images = np.arange(len(points.mean)) if points.index is None else points.index
            self._known["distance"] = images, distances, compared
        else:
            rate, distortion = yield from self._bounds(request, available)
            self._known["distortion"] = available.images, distortion, 0
            self._known["elbo"] = available.images, -(rate + distortion), 0

    def _bounds(
        self, request: RankImages, available: SelectableImages
    ) -> Generator[None, None, tuple[FloatArray, FloatArray]]:
        model, dataset = self._workspace.need_model(), available.dataset
        if dataset is None:
            raise InputError("to compare images with their reconstructions, open the dataset of the points")
        if dataset.image_shape != model.image_shape:
            raise InputError(f"the model takes images of shape {model.image_shape}, not {dataset.image_shape}")
        dataset = yield from as_the_model_reads(self._workspace, model, dataset)
        known, batch = model.labels_of(dataset).labels, AdaptiveBatchSize(_SLICE_SECONDS, first=4)
        rates, distortions, start = [], [], 0
        progress = _Progress(self._workspace, request.generation, len(dataset))
        while start < len(dataset):
            rows = slice(start, start + batch.images)
            began = time.perf_counter()
            pixels = np.asarray(dataset.images[rows])
            found = image_bounds(model.module, pixels, model.classes_of_images(pixels, known[rows]))
            rates.append(found.rate)
            distortions.append(found.distortion)
            batch.record(len(pixels), time.perf_counter() - began)
            start += len(pixels)
            progress.record(start)
            yield
        return np.concatenate(rates), np.concatenate(distortions)

    def _distances(self, request: RankImages, points: Points) -> Generator[None, None, tuple[FloatArray, int]]:
        """Distance [N] of each point to the nearest other one, and the number of points compared with."""
        mean = points.mean.astype(np.float32)
        mean = mean - mean.mean(axis=0)  # differences of smaller squares lose fewer digits
        index = np.arange(len(mean))
        if len(mean) > _MOST_COMPARED:
            index = np.sort(np.random.default_rng(0).choice(len(mean), _MOST_COMPARED, replace=False))
        others = np.ascontiguousarray(mean[index].T)  # [d, M]
        lengths = np.einsum("dm,dm->m", others, others)
        batch = AdaptiveBatchSize(_SLICE_SECONDS, first=4)
        parts, start = [], 0
        progress = _Progress(self._workspace, request.generation, len(mean))
        while start < len(mean):
            chosen = slice(start, min(start + batch.images, len(mean)))
            began = time.perf_counter()
            squared = lengths - 2 * (mean[chosen] @ others)
            first, last = np.searchsorted(index, (chosen.start, chosen.stop))
            squared[index[first:last] - start, np.arange(first, last)] = np.inf  # not itself
            nearest = squared.argmin(axis=1)
            # Exact for the nearest one: duplicates are at distance 0.
            parts.append(np.linalg.norm(mean[chosen] - others[:, nearest].T, axis=1).astype(np.float32))
            batch.record(len(squared), time.perf_counter() - began)
            start = chosen.stop
            progress.record(start)
            yield
        return np.concatenate(parts), len(index)


class _Progress:
    """Sends how many images are done, now and then."""

    def __init__(self, workspace: Workspace, generation: int, total: int) -> None:
        self._workspace, self._generation, self._total = workspace, generation, total
        self._sent_at = 0.0

    def record(self, done: int) -> None:
        if time.monotonic() - self._sent_at >= _BETWEEN_PROGRESS:
            self._sent_at = time.monotonic()
            self._workspace.send(RankingProgress(self._generation, done, self._total))
