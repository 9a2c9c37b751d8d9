"""The way through waypoints, as a function of the position on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray
from latentlab.latent.geodesics import NODES
from latentlab.latent.neighbour_graph import NeighbourGraph
from latentlab.latent.polyline import along, at_positions, step_lengths

PATH_KINDS = ("linear", "spherical", "geodesic", "graph")

_NEARLY_PARALLEL = 1e-6


def check_kind(kind: str) -> None:
    """Refuse what is not in ``PATH_KINDS``.

    Raises
    ------
    InputError
        Names the kinds.
    """
    if kind not in PATH_KINDS:
        raise InputError(f"there is no path of kind {kind!r}: use linear, spherical, geodesic or graph")


def closed(corners: FloatArray, loop: bool) -> FloatArray:
    """Waypoints, with the first once more at the end of a loop."""
    return np.concatenate([corners, corners[:1]]) if loop and len(corners) > 1 else corners


class Way:
    """The way through waypoints [n, d], as a function of the position from 0 to n − 1.

    Geodesic sides are straight until they are set.
    """

    def __init__(self, corners: FloatArray, kind: str, graph: NeighbourGraph | None = None) -> None:
        self._corners, self._kind = corners, kind
        self._sides: dict[int, FloatArray] = {}
        if kind == "graph":
            if graph is None:
                raise InputError("a path through the graph of nearest neighbours needs data")
            self._sides = {
                number: graph.path(corners[number], corners[number + 1]) for number in range(len(corners) - 1)
            }

    def set_side(self, number: int, nodes: FloatArray) -> None:
        """Let a side lead evenly through these latents [m, d]."""
        self._sides[number] = nodes

    def whole(self) -> FloatArray:
        """Latents [m, d] close to each other on the whole way."""
        sides = len(self._corners) - 1
        return self.at(np.linspace(0, sides, sides * (NODES - 1) + 1))

    def at(self, position: NDArray[np.float64]) -> FloatArray:
        """Latents [n, d] at positions [n]."""
        side = np.minimum(position.astype(int), len(self._corners) - 2)
        t = (position - side)[:, None]
        start, end = self._corners[side], self._corners[side + 1]
        if self._kind == "spherical":
            return _slerp(start, end, t)
        latents: FloatArray = start + t * (end - start)
        for number, nodes in self._sides.items():
            rows = side == number
            if not rows.any():
                continue
            if self._kind == "graph":  # at an even speed in latents
                latents[rows] = along(nodes, step_lengths(nodes), t[rows, 0])
            else:
                latents[rows] = at_positions(nodes, t[rows, 0] * (len(nodes) - 1))
        latents[position == side] = start[position == side]
        latents[position == side + 1] = end[position == side + 1]
        return latents


def _slerp(start: FloatArray, end: FloatArray, t: FloatArray) -> FloatArray:
    """Spherical interpolation of directions [n, d], linear of lengths; linear where no angle is defined."""
    line = start + t * (end - start)
    start_length = np.linalg.norm(start, axis=1, keepdims=True)
    end_length = np.linalg.norm(end, axis=1, keepdims=True)
    product = start_length * end_length
    cosine = np.clip((start * end).sum(1, keepdims=True) / np.where(product > 0, product, 1), -1, 1)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    defined = (product > 0) & (sine > _NEARLY_PARALLEL)
    sine = np.where(defined, sine, 1)
    from_start = np.sin((1 - t) * angle) / sine * start / np.where(start_length > 0, start_length, 1)
    from_end = np.sin(t * angle) / sine * end / np.where(end_length > 0, end_length, 1)
    direction = from_start + from_end
    return np.where(defined, (start_length + t * (end_length - start_length)) * direction, line)
