"""Measures how far the map's plane is from the encoded images, in steps of about a millisecond, coarse first."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from latentlab.engine.protocol.messages import Axes, MeasurePlane, PlaneMeasured
from latentlab.engine.worker.nearest_search import TypicalDistance
from latentlab.engine.worker.workspace import Workspace
from latentlab.latent.plane_distance import PlaneDistance
from latentlab.storage import Points
from latentlab.utils.defaults import VERY_FAR

CELLS = 128  # along the longer side
_COARSER = 4  # how much larger the cells of the first answer are
_VALUES = 1 << 17  # coordinates of points that are added at a time
_LEAST_REACH = 5  # cells: where neighbours are closer together than a cell


class PlaneSearch:
    """Answers ``MeasurePlane`` from the workspace's points.

    Parameters
    ----------
    workspace
        Holds the encoded dataset.
    typical
        Measures the typical distance between neighbours.
    """

    def __init__(self, workspace: Workspace, typical: TypicalDistance) -> None:
        self._workspace, self._typical = workspace, typical

    def answer(self, request: MeasurePlane, seconds: Callable[[], float]) -> Generator[None, None, None]:
        """Measure step by step; nothing is sent while there are no points. ``seconds`` is the computing time so far."""
        points, version = self._workspace.points, self._workspace.points_version
        if points is None or not len(points.mean):
            return
        typical = yield from self._typical.of(points)
        plane = yield from plane_among(points, request.axes, request.x_range, request.y_range, typical)
        for grid in (plane.coarse(_COARSER), plane):
            for distance in grid.distances():
                if distance is not None:
                    self._workspace.send(
                        PlaneMeasured(
                            request.generation,
                            version,
                            grid.x_range,
                            grid.y_range,
                            distance,
                            grid.cell,
                            typical,
                            done=grid is plane,
                            seconds=seconds(),
                        )
                    )
                yield


def plane_among(
    points: Points, axes: Axes, x_range: tuple[float, float], y_range: tuple[float, float], typical: float
) -> Generator[None, None, PlaneDistance]:
    """The plane over some ranges with all points added, whose typical distance from each other is ``typical``."""
    sides = (side[1] - side[0] for side in (x_range, y_range))
    reach = max(VERY_FAR * typical if np.isfinite(typical) else 0.0, _LEAST_REACH * max(sides) / CELLS)
    plane = PlaneDistance(axes.origin, axes.x, axes.y, x_range, y_range, reach, CELLS)
    rows = max(1, _VALUES // points.mean.shape[1])
    for start in range(0, len(points.mean), rows):
        plane.add(points.mean[start : start + rows])
        yield
    return plane
