"""Traversals of single dimensions, and paths through waypoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import as_latents
from latentlab.latent.geodesics import Decoder, evaluator, run
from latentlab.latent.neighbour_graph import NeighbourGraph
from latentlab.latent.path_plan import KnownGeodesics, PathPlan, plan_in_steps, solve_sides
from latentlab.latent.polyline import along, step_lengths
from latentlab.latent.way import Way, check_kind, closed

FloatArray = NDArray[np.float32]


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
    decoder: Decoder | Callable[[NDArray[np.float64]], NDArray[Any]] | None = None,
    label: int | None = None,
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
        near the origin where the prior has hardly any mass. ``geodesic``: where the images of ``decoder`` change least,
        at an even speed of the images on each segment, see :func:`geodesic`. ``graph``: along the shortest path through
        the graph of nearest neighbours of ``points``, at even speed on each segment.
    loop
        Return to the first waypoint. The last latent is then one step before it, so that the path repeats seamlessly.
    points
        For ``graph``: latents [N, d] of data, or a :class:`NeighbourGraph` of them.
    decoder, label
        For ``geodesic``: a model, or a function from latents [n, d] to images [n, …]; and the class that a conditional
        model decodes for.

    Returns
    -------
    ndarray
        float32 [steps, d].

    Raises
    ------
    InputError
        For an unknown kind, no waypoints, ``graph`` without points, or ``geodesic`` without a decoder.

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
    corners = closed(corners, loop)
    position = np.linspace(0, len(corners) - 1, steps, endpoint=not loop)
    way = Way(corners, kind, _graph(points) if kind == "graph" else None)
    if kind == "geodesic":
        if decoder is None:
            raise InputError("a geodesic path needs a decoder")
        run(solve_sides(way, corners, KnownGeodesics()), evaluator(decoder, label))
    return way.at(position).astype(np.float32)


def plan_path(
    decoder: Decoder | Callable[[NDArray[np.float64]], NDArray[Any]],
    waypoints: ArrayLike,
    frames: int,
    kind: str = "linear",
    *,
    loop: bool = False,
    is_even: bool = False,
    points: ArrayLike | NeighbourGraph | None = None,
    label: int | None = None,
) -> PathPlan:
    """A path with its lengths, and the latents whose images make its film: those that the window plays.

    Parameters
    ----------
    decoder, label, points, kind, loop
        As for :func:`interpolate`.
    waypoints
        [n, d], n ≥ 2.
    frames
        Number of images of the film.
    is_even
        Whether the image, not the latent, changes at an even speed.

    Raises
    ------
    InputError
        As :func:`interpolate`.

    Examples
    --------
    >>> import numpy as np
    >>> from latentlab.latent import plan_path
    >>> def circle(z):
    ...     return np.stack([np.cos(z[:, 0]), np.sin(z[:, 0])], axis=1)
    >>> plan = plan_path(circle, [[0.0], [np.pi]], 5)
    >>> plan.frames.shape, round(plan.lengths.metric, 2)
    ((5, 1), 3.14)
    """
    if frames < 1:
        raise InputError(f"a path needs at least 1 frame, not {frames}")
    graph = _graph(points) if kind == "graph" else None
    steps = plan_in_steps(waypoints, frames, kind, loop=loop, is_even=is_even, graph=graph)
    plan: PathPlan = run(steps, evaluator(decoder, label))
    return plan


def _graph(points: ArrayLike | NeighbourGraph | None) -> NeighbourGraph | None:
    return points if points is None or isinstance(points, NeighbourGraph) else NeighbourGraph(points)


def path_length(values: ArrayLike, loop: bool = False) -> float:
    """Length of a path: the sum of the Euclidean distances between its consecutive rows.

    Parameters
    ----------
    values
        Latents [n, d], or images [n, …] of the path: the length is then in pixel values.
    loop
        Also the distance from the last row to the first.
    """
    return float(step_lengths(values, loop).sum())


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
    lengths = step_lengths(images, loop)
    if len(lengths) != len(corners) - 1 + loop:
        raise InputError(f"there must be an image for each of {len(corners)} latents, not {len(np.asarray(images))}")
    if loop:
        corners = np.concatenate([corners, corners[:1]])
    count = len(corners) - loop if steps is None else steps
    fractions = np.linspace(0, 1, count, endpoint=not loop)
    return along(corners, lengths, fractions).astype(np.float32)
