"""A surface of two dimensions over latents of many: every place of a layout has a latent that can be decoded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.search import NeighbourIndex
from latentlab.utils.array_types import FloatArray, IntArray

NEIGHBOURS = 12
"""Points that a place's latent is the mean of."""
_MEASURED = 500  # points whose latent is compared with that of their place


class AssignmentError(NamedTuple):
    """How far latents are from those that a terrain has at their places.

    Attributes
    ----------
    median
        Of the distances, in latent units, each point left out of its own place's mean.
    spread
        The root mean square distance of all points from their mean: what one latent for all places would leave.
    """

    median: float
    spread: float


class Terrain:
    """Latents smoothly assigned to the places of a layout of points, by kernel regression.

    The latent of a place is the weighted mean of those of the nearest points of the layout. The weight (1 − r²)²
    falls from 1 at the place itself to 0 at the distance of the next point after them (r = 1), so that a point that
    enters or leaves the mean does so with weight 0: the surface is continuous, and as fine as the points are dense.

    Parameters
    ----------
    latents
        [N, d].
    positions
        Where the layout has them, [N, 2], N ≥ 2.
    neighbours
        Number of points in a mean; fewer if there are not so many.

    Raises
    ------
    InputError
        When the two do not belong together.

    References
    ----------
    Nadaraya 1964, On Estimating Regression; Watson 1964, Smooth Regression Analysis.

    Examples
    --------
    >>> terrain = Terrain([[0.0, 0.0, 1.0], [0.0, 0.0, 3.0]], [[0.0, 0.0], [1.0, 0.0]], neighbours=1)
    >>> z, error = terrain.at([[0.0, 0.0]])
    >>> z.tolist(), error.tolist()
    ([[0.0, 0.0, 1.0]], [0.0])
    """

    def __init__(self, latents: ArrayLike, positions: ArrayLike, neighbours: int = NEIGHBOURS) -> None:
        self._latents = np.asarray(latents, np.float32)
        self._positions = np.asarray(positions, np.float32)
        if self._positions.shape != (len(self._latents), 2) or len(self._latents) < 2:
            raise InputError("a terrain needs two points at least, and a position [2] for each latent")
        self._count = max(1, min(neighbours, len(self._latents) - 1))
        self._index = NeighbourIndex(self._positions)

    @property
    def latent_dim(self) -> int:
        """Size d of the latents."""
        return int(self._latents.shape[1])

    def at(self, xy: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Latents of places, and how far those of the points around are from them.

        Parameters
        ----------
        xy
            [q, 2].

        Returns
        -------
        z, error
            float32 [q, d] and [q]; ``error`` is the root of the weighted mean squared distance, in latent units.
        """
        found, distance = self._index.query(np.asarray(xy, np.float64).reshape(-1, 2), self._count + 1)
        return self._mean(found, distance)

    def assignment_error(self) -> AssignmentError:
        """How far latents are from those at their places, of up to 500 points evenly chosen."""
        rows = np.unique(np.linspace(0, len(self._latents) - 1, _MEASURED).astype(np.int64))
        count = min(self._count + 2, len(self._latents))
        found, distance = self._index.query(self._positions[rows].astype(np.float64), count)
        # Each point itself is left out; of several at one place it need not be the first.
        others = np.argsort(found == rows[:, None], axis=1, kind="stable")[:, : count - 1]
        found, distance = np.take_along_axis(found, others, 1), np.take_along_axis(distance, others, 1)
        z, _ = self._mean(found, distance)
        apart = np.linalg.norm(z - self._latents[rows], axis=1)
        away = self._latents - self._latents.mean(axis=0)
        return AssignmentError(float(np.median(apart)), float(np.sqrt((away.astype(np.float64) ** 2).sum(1).mean())))

    def _mean(self, found: IntArray, distance: NDArray[np.float64]) -> tuple[FloatArray, FloatArray]:
        """The weighted means of the latents of rows [q, k + 1], the last of which has weight 0."""
        reach = distance[:, -1:]
        share = np.divide(distance, reach, out=np.zeros_like(distance), where=reach > 0)
        weights = (1 - share**2) ** 2
        weights[:, -1] = np.where(reach[:, 0] > 0, 0.0, 1.0)
        # All points at the same distance: their plain mean.
        weights[weights.sum(axis=1) < 1e-12] = 1.0
        weights /= weights.sum(axis=1, keepdims=True)
        around = self._latents[found].astype(np.float64)
        z = np.einsum("qk,qkd->qd", weights, around)
        squares = ((around - z[:, None]) ** 2).sum(axis=2)
        error = np.sqrt((weights * squares).sum(axis=1))
        return z.astype(np.float32), error.astype(np.float32)
