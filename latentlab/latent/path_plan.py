"""A path as it is drawn, played and measured: window, command line and Python make the same from the same waypoints."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.latent.arrays import FloatArray, as_latents
from latentlab.latent.geodesics import NODES, Answer, Evaluate, geodesic_in_steps
from latentlab.latent.neighbour_graph import NeighbourGraph
from latentlab.latent.polyline import along, finer, step_lengths
from latentlab.latent.way import Way, check_kind, closed

_SIDES_PER_FRAME = 4
_MIN_SIDES, _MAX_SIDES = 2 * NODES, 4000
_MOST_KNOWN = 64


@dataclass(frozen=True)
class PathLengths:
    """Lengths of a path, including the way back of a loop.

    Attributes
    ----------
    latent
        In latent units: Euclidean.
    pixel
        In pixel values from 0 to 1: the sum of the Euclidean distances between the images of close latents.
    metric
        In the decoder's pull-back metric JᵀJ: the integral of the images' speed, by derivatives at the middle of each
        side. For an unbroken decoder it is what ``pixel`` tends to when the latents come closer.
    """

    latent: float
    pixel: float
    metric: float


@dataclass(frozen=True, eq=False)
class PathPlan:
    """A path through waypoints.

    Attributes
    ----------
    curve
        float32 [m, d]: latents on the whole path, close to each other, both ends included; a loop ends where it begins.
    frames
        float32 [n, d]: the latents whose images are played. Of a loop the last is a step before the first.
    lengths, straight
        Of the path, and of straight lines through the same waypoints.
    """

    curve: NDArray[np.float32]
    frames: NDArray[np.float32]
    lengths: PathLengths
    straight: PathLengths


class KnownGeodesics:
    """Geodesics found before: a waypoint that is dragged changes two of them, and the others stay.

    A new one does not begin at an old one, or where it leads would depend on how the waypoint was dragged.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[bytes, bytes], FloatArray] = {}

    def get(self, start: FloatArray, end: FloatArray) -> FloatArray | None:
        """The geodesic with exactly these ends, if it is known."""
        return self._found.get((start.tobytes(), end.tobytes()))

    def put(self, curve: FloatArray) -> None:
        """Keep one, float64 [nodes, d]."""
        self._found[curve[0].tobytes(), curve[-1].tobytes()] = curve
        while len(self._found) > _MOST_KNOWN:
            del self._found[next(iter(self._found))]


def plan_in_steps(
    waypoints: ArrayLike,
    frames: int,
    kind: str = "linear",
    *,
    loop: bool = False,
    is_even: bool = False,
    graph: NeighbourGraph | None = None,
    known: KnownGeodesics | None = None,
) -> Generator[Evaluate, Answer, PathPlan]:
    """Plan a path, asking for images and derivatives one step at a time.

    Parameters
    ----------
    waypoints
        [n, d], n ≥ 2.
    frames
        Number of images to play, at least 1.
    kind, loop
        As for :func:`interpolate`.
    is_even
        Whether the image, not the latent, changes at an even speed.
    graph
        For ``graph``.
    known
        Geodesics found before with the same decoder; new ones are added.
    """
    check_kind(kind)
    corners = closed(as_latents(waypoints, "the waypoints", least=2), loop)
    way = Way(corners, kind, graph)
    sides = len(corners) - 1
    if kind == "geodesic":
        yield from solve_sides(way, corners, known or KnownGeodesics())
    per_side = -(-min(_MAX_SIDES, max(_MIN_SIDES * sides, _SIDES_PER_FRAME * frames)) // sides)
    curve = way.whole()
    fine = way.at(np.linspace(0, sides, sides * per_side + 1))
    lengths, steps = yield from _measure(fine, curve)
    lines = lengths
    if kind != "linear":
        lines, _ = yield from _measure(finer(corners, _MIN_SIDES), curve)
    if is_even:
        played = along(fine, steps, np.linspace(0, 1, frames, endpoint=not loop))
    else:
        played = way.at(np.linspace(0, sides, frames, endpoint=not loop))
    return PathPlan(curve.astype(np.float32), played.astype(np.float32), lengths, lines)


def solve_sides(way: Way, corners: FloatArray, known: KnownGeodesics) -> Generator[Evaluate, Answer, None]:
    """Let each side of a way be the geodesic between its waypoints [n, d]."""
    for number in range(len(corners) - 1):
        yield from _as_part_of(way, number, _solve(corners[number], corners[number + 1], known))


def _solve(start: FloatArray, end: FloatArray, known: KnownGeodesics) -> Generator[Evaluate, Answer, FloatArray]:
    found = known.get(start, end)
    if found is None:
        found = yield from geodesic_in_steps(start, end)
        known.put(found)
    return found


def _as_part_of(
    way: Way, number: int, solved: Generator[Evaluate, Answer, FloatArray]
) -> Generator[Evaluate, Answer, None]:
    """Solve a side; what is asked on the way shows the whole path as far as it is known."""
    answer: Answer | None = None
    while True:
        try:
            asked = next(solved) if answer is None else solved.send(answer)
        except StopIteration as end:
            way.set_side(number, end.value)
            return
        way.set_side(number, asked.curve)
        answer = yield replace(asked, curve=way.whole())


def _measure(latents: FloatArray, shown: FloatArray) -> Generator[Evaluate, Answer, tuple[PathLengths, FloatArray]]:
    """Lengths of a polyline [m, d], and of each of its sides in pixel values."""
    images, _ = yield Evaluate(latents, None, shown)
    steps = step_lengths(images)
    del images
    sides = np.diff(latents, axis=0)
    _, derivatives = yield Evaluate(latents[:-1] + sides / 2, sides[:, None], shown)
    assert derivatives is not None
    speeds = np.linalg.norm(derivatives[:, 0], axis=1)
    return PathLengths(float(np.linalg.norm(sides, axis=1).sum()), float(steps.sum()), float(speeds.sum())), steps
