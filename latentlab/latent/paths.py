"""Traversals of single dimensions, and paths through waypoints."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import as_latents
from latentlab.latent.neighbour_graph import NeighbourGraph

PATH_KINDS = ("linear", "spherical", "graph")

FloatArray = NDArray[np.float32]

_NEARLY_PARALLEL = 1e-6
_KINDS = "linear, spherical or graph"


def traverse(z: ArrayLike, dimensions: Sequence[int], values: ArrayLike) -> FloatArray:
    """Vary one dimension at a time and keep the others fixed.

    Parameters
    ----------
    z
        The latent [d] that gives the fixed values.
    dimensions
        Dimensions to vary, each in [0, d).
    values
        Values [steps] of the varied dimension.

    Returns
    -------
    ndarray
        float32 [len(dimensions), steps, d].
    """
    fixed, values = np.asarray(z, np.float32), np.asarray(values, np.float32)
    latents = np.tile(fixed, (len(dimensions), len(values), 1))
    for row, dimension in enumerate(dimensions):
        latents[row, :, dimension] = values
    return latents


def interpolate(
    waypoints: ArrayLike,
    steps: int,
    spherical: bool = False,
    *,
    kind: str = "",
    loop: bool = False,
    points: ArrayLike | NeighbourGraph | None = None,
) -> FloatArray:
    """Latents along a path through waypoints, including its ends.

    Every segment gets the same number of steps, whatever its length.

    Parameters
    ----------
    waypoints
        [n, d], n ≥ 1.
    steps
        Number of latents on the whole path, at least 1.
    spherical
        The same as ``kind="spherical"``.
    kind
        ``linear``, the default. ``spherical``: the direction is interpolated spherically and the distance to the origin
        linearly (Shoemake 1985; White 2016, arXiv:1609.04468): in many dimensions a straight line crosses a region
        near the origin where the prior has hardly any mass. ``graph``: along the shortest path through the graph of
        nearest neighbours of ``points``, at even speed on each segment.
    loop
        Return to the first waypoint. The last latent is then one step before it, so that the path repeats seamlessly.
    points
        For ``graph``: latents [N, d] of data, or a :class:`NeighbourGraph` of them.

    Returns
    -------
    ndarray
        float32 [steps, d].

    Raises
    ------
    InputError
        For an unknown kind, no waypoints, or ``graph`` without points.

    Examples
    --------
    >>> from latentlab.latent import interpolate
    >>> interpolate([[0.0, 0.0], [1.0, 2.0]], 3).tolist()
    [[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]]
    >>> interpolate([[0.0], [1.0]], 4, loop=True).tolist()
    [[0.0], [0.5], [1.0], [0.5]]
    """
    kind = kind or ("spherical" if spherical else "linear")
    check_kind(kind)
    corners = as_latents(waypoints, "the waypoints")
    if steps < 1:
        raise InputError(f"a path needs at least 1 step, not {steps}")
    if len(corners) == 1:
        return np.repeat(corners, steps, axis=0).astype(np.float32)
    if loop:
        corners = np.concatenate([corners, corners[:1]])
    position = np.linspace(0, len(corners) - 1, steps, endpoint=not loop)
    if kind == "graph":
        return _through_graph(corners, position, points).astype(np.float32)
    segment = np.minimum(position.astype(int), len(corners) - 2)
    t = (position - segment)[:, None]
    start, end = corners[segment], corners[segment + 1]
    path = _slerp(start, end, t) if kind == "spherical" else start + t * (end - start)
    return path.astype(np.float32)


def check_kind(kind: str) -> None:
    """Refuse what is not in ``PATH_KINDS``.

    Raises
    ------
    InputError
        Names the kinds.
    """
    if kind == "geodesic":
        raise InputError(f"geodesic paths are not available yet: use {_KINDS}")
    if kind not in PATH_KINDS:
        raise InputError(f"there is no path of kind {kind!r}: use {_KINDS}")


def path_length(values: ArrayLike, loop: bool = False) -> float:
    """Length of a path: the sum of the Euclidean distances between its consecutive rows.

    Parameters
    ----------
    values
        Latents [n, d], or images [n, …] of the path: the length is then in pixel values.
    loop
        Also the distance from the last row to the first.
    """
    return float(_step_lengths(values, loop).sum())


def at_even_speed(path: ArrayLike, images: ArrayLike, steps: int | None = None, loop: bool = False) -> FloatArray:
    """Latents of the same path whose images change evenly.

    Parameters
    ----------
    path
        Latents [n, d], n ≥ 2, close enough to each other that the images between two of them change evenly.
    images
        Their images [n, …].
    steps
        Number of latents to return; n by default.
    loop
        The path continues from its last latent to the first, and the last one returned is a step before the first.

    Returns
    -------
    ndarray
        float32 [steps, d], at equal distances along the path, measured as the Euclidean distance between images.
    """
    corners = as_latents(path, "the path", least=2)
    lengths = _step_lengths(images, loop)
    if len(lengths) != len(corners) - 1 + loop:
        raise InputError(f"there must be an image for each of {len(corners)} latents, not {len(np.asarray(images))}")
    if loop:
        corners = np.concatenate([corners, corners[:1]])
    count = len(corners) - loop if steps is None else steps
    fractions = np.linspace(0, 1, count, endpoint=not loop)
    return _along(corners, lengths, fractions).astype(np.float32)


def _step_lengths(values: ArrayLike, loop: bool) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.ndim < 2:
        raise InputError(f"a path must be an array [n, …], not {list(array.shape)}")
    rows = array.reshape(len(array), -1)
    order = np.arange(len(rows) + loop) % max(1, len(rows))
    differences = [rows[j].astype(np.float64) - rows[i] for i, j in pairwise(order.tolist())]
    return np.array([np.linalg.norm(each) for each in differences])


def _along(
    corners: NDArray[np.float64], lengths: NDArray[np.float64], fractions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points of a polyline at fractions of its length, where its sides have the given lengths."""
    total = lengths.sum()
    ends = np.concatenate([[0], np.cumsum(lengths)]) / total if total > 0 else np.linspace(0, 1, len(corners))
    ends[-1] = 1
    side = np.clip(np.searchsorted(ends, fractions, side="right") - 1, 0, len(corners) - 2)
    width = ends[side + 1] - ends[side]
    t = np.where(width > 0, (fractions - ends[side]) / np.where(width > 0, width, 1), 0)[:, None]
    position: NDArray[np.float64] = corners[side] * (1 - t) + corners[side + 1] * t
    return position


def _through_graph(
    corners: NDArray[np.float64], position: NDArray[np.float64], points: ArrayLike | NeighbourGraph | None
) -> NDArray[np.float64]:
    if points is None:
        raise InputError("a path through the graph of nearest neighbours needs data")
    graph = points if isinstance(points, NeighbourGraph) else NeighbourGraph(points)
    segment = np.minimum(position.astype(int), len(corners) - 2)
    path = np.empty((len(position), corners.shape[1]))
    for number in range(len(corners) - 1):
        rows = segment == number
        if rows.any():
            way = graph.path(corners[number], corners[number + 1])
            path[rows] = _along(way, _step_lengths(way, loop=False), position[rows] - number)
    return path


def _slerp(start: NDArray[np.float64], end: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spherical interpolation of directions [n, d], linear of lengths; linear where no angle is defined."""
    straight = start + t * (end - start)
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
    return np.where(defined, (start_length + t * (end_length - start_length)) * direction, straight)
