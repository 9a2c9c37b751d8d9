"""Finds the encoded images nearest to a latent, in steps of about a millisecond.

An exact search of 10⁶ points of 2 dimensions takes 40 to 110 ms, and the typical distance between such points as
long, once: an image must not wait for either.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from latentlab.engine.protocol.messages import DistanceMeasured, DistanceToData, Nearest, NearestFound
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent import nearest
from latentlab.latent.density import neighbour_distances, posterior_radius, spread, typical_of
from latentlab.storage import Points
from latentlab.utils.array_types import FloatArray, IntArray
from latentlab.utils.defaults import FAR
from latentlab.utils.pixels import as_pixels

_ROWS, _VALUES = 1 << 14, 1 << 17  # points, and their coordinates, compared at a time: about a millisecond
_LEAST_SHARE = 1 / 15  # of the spread of points
MOST = 12
"""Nearest images that are found at most."""


@dataclass(frozen=True)
class _Found:
    """The nearest points of an earlier search, nearest first."""

    points: Points
    z: FloatArray
    rows: IntArray
    distance: FloatArray


class TypicalDistance:
    """The typical distance between neighbours among points, measured once for each set of points.

    Two other lengths count if they are larger. A place within the posterior of an image is not far from data, however
    close the means of other images are: where the posterior has collapsed, they all lie in one place. And where points
    are so dense that the distance is a small part of their spread, it is that part: a gap between two points that no
    map could show is not far from data.
    """

    def __init__(self) -> None:
        self._points: Points | None = None
        self._distance = float("inf")

    def of(self, points: Points) -> Generator[None, None, float]:
        """Measure it step by step; infinite for a single point."""
        if self._points is not points:
            blocks = []
            for block in neighbour_distances(points.mean):
                blocks.append(block)
                yield
            distance = typical_of(blocks)
            if np.isfinite(distance):
                radius = posterior_radius(points.mean, points.std)
                distance = max(distance, radius / FAR, _LEAST_SHARE * spread(points.mean))
            self._points, self._distance = points, distance
        return self._distance


class NearestSearch:
    """Answers ``Nearest`` and ``DistanceToData`` from the workspace's points.

    Parameters
    ----------
    workspace
        Holds the encoded dataset.

    Attributes
    ----------
    typical : TypicalDistance
        The typical distance between neighbours among the points.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._last: _Found | None = None
        self.typical = TypicalDistance()

    def answer(self, request: Nearest | DistanceToData) -> Generator[None, None, None]:
        """Search step by step, then send the result; nothing while there are no points."""
        points, version = self._workspace.points, self._workspace.points_version
        if points is None or not len(points.mean):
            return  # requested before another model was opened, which has no points yet
        found = yield from self._search(points, request.z)
        typical = yield from self.typical.of(points)
        if isinstance(request, Nearest):
            self._workspace.send(self._nearest_found(request, found, version, typical))
        else:
            self._workspace.send(
                DistanceMeasured(request.generation, version, float(found.distance[0]), typical, request.preview)
            )

    def _search(self, points: Points, z: FloatArray) -> Generator[None, None, _Found]:
        """The nearest points; kept, since both requests are made for the same latent."""
        last = self._last
        if last is not None and last.points is points and np.array_equal(last.z, z):
            return last
        best, closest = np.zeros(0, np.int64), np.zeros(0, np.float32)
        rows = max(1, min(_ROWS, _VALUES // max(1, points.mean.shape[1])))
        for start in range(0, len(points.mean), rows):
            found, distance = nearest(points.mean[start : start + rows], z, MOST)
            best, closest = np.concatenate([best, start + found]), np.concatenate([closest, distance])
            order = np.lexsort((best, closest))[:MOST]
            best, closest = best[order], closest[order]
            yield
        self._last = _Found(points, z, best, closest)
        return self._last

    def _nearest_found(self, request: Nearest, found: _Found, version: int, typical: float) -> NearestFound:
        points, dataset = found.points, self._workspace.dataset_of_points()
        shown = np.arange(len(found.rows))
        if dataset is not None and points.index is not None:
            has_image = points.index[found.rows] < len(dataset)  # rows of a table may name images that are not there
            shown = shown[has_image] if has_image.any() else shown
            dataset = dataset if has_image.any() else None
        shown = shown[: max(1, request.count)]
        rows = found.rows[shown]
        numbers = rows if points.index is None else points.index[rows]
        images, paths = None, ()
        if dataset is not None and points is self._workspace.points and points.index is not None:
            order = np.argsort(numbers)  # sources that read from a file are read forwards
            pixels = as_pixels(np.asarray(dataset.images[numbers[order]]))
            images = pixels[np.argsort(order)]
            paths = tuple(dataset.paths[number] for number in numbers)
        return NearestFound(
            generation=request.generation,
            model_version=version,
            rows=rows,
            distance=found.distance[shown],
            z=points.mean[rows],
            label=points.label[rows],
            numbers=numbers,
            paths=paths,
            images=images,
            typical=typical,
            preview=request.preview,
        )
