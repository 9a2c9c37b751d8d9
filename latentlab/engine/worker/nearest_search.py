"""Finds the encoded image nearest to a latent, in steps of about a millisecond.

An exact search of 10⁶ points of 2 dimensions takes 40 to 110 ms, and the typical distance between such points as
long, once: an image must not wait for either.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from latentlab.engine.protocol.messages import DistanceMeasured, DistanceToData, Nearest, NearestFound
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent.density import neighbour_distances, typical_of
from latentlab.latent.search import nearest
from latentlab.storage import Points
from latentlab.utils.array_types import FloatArray
from latentlab.utils.pixels import as_pixels

_ROWS, _VALUES = 1 << 14, 1 << 17  # points, and their coordinates, compared at a time: about a millisecond


@dataclass(frozen=True)
class _Found:
    """The nearest point of an earlier search."""

    points: Points
    z: FloatArray
    row: int
    distance: float


class NearestSearch:
    """Answers ``Nearest`` and ``DistanceToData`` from the workspace's points.

    Parameters
    ----------
    workspace
        Holds the encoded dataset.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._last: _Found | None = None
        self._typical_of: Points | None = None
        self._typical = float("inf")

    def answer(self, request: Nearest | DistanceToData) -> Generator[None, None, None]:
        """Search step by step, then send the result; nothing while there are no points."""
        points, version = self._workspace.points, self._workspace.points_version
        if points is None or not len(points.mean):
            return  # requested before another model was opened, which has no points yet
        found = yield from self._search(points, request.z)
        if self._typical_of is not points:
            blocks = []
            for block in neighbour_distances(points.mean):
                blocks.append(block)
                yield
            self._typical_of, self._typical = points, typical_of(blocks)
        if isinstance(request, Nearest):
            self._workspace.send(self._nearest_found(request, found, version))
        else:
            self._workspace.send(
                DistanceMeasured(request.generation, version, found.distance, self._typical, request.preview)
            )

    def _search(self, points: Points, z: FloatArray) -> Generator[None, None, _Found]:
        """The nearest point; kept, since both requests are made for a committed latent."""
        last = self._last
        if last is not None and last.points is points and np.array_equal(last.z, z):
            return last
        best, closest = 0, float("inf")
        rows = max(1, min(_ROWS, _VALUES // max(1, points.mean.shape[1])))
        for start in range(0, len(points.mean), rows):
            (row,), (distance,) = nearest(points.mean[start : start + rows], z)
            if distance < closest:
                best, closest = start + int(row), float(distance)
            yield
        self._last = _Found(points, z, best, closest)
        return self._last

    def _nearest_found(self, request: Nearest, found: _Found, version: int) -> NearestFound:
        points, row = found.points, found.row
        index = row if points.index is None else int(points.index[row])
        image, path = None, ""
        dataset = self._workspace.dataset_of_points()
        if dataset is not None and points is self._workspace.points and points.index is not None:
            image, path = as_pixels(np.asarray(dataset.images[index : index + 1]))[0], dataset.paths[index]
        return NearestFound(
            generation=request.generation,
            model_version=version,
            index=row,
            distance=found.distance,
            z=points.mean[row],
            label=int(points.label[row]),
            path=path,
            image=image,
            typical=self._typical,
        )
