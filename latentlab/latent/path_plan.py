"""A path as it is drawn, played and measured: window, command line and Python make the same from the same waypoints."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.latent.arrays import FloatArray, as_latents
from latentlab.latent.geodesics import NODES, PARTS, geodesic_in_steps, straight
from latentlab.latent.lengths import Answer, Evaluate, PathLengths, measure, total
from latentlab.latent.neighbour_graph import NeighbourGraph
from latentlab.latent.polyline import along, step_lengths
from latentlab.latent.way import Way, check_kind, closed

_SIDES_PER_FRAME = 4
_MAX_SIDES = 4000
_MOST_KNOWN = 64

Measured = tuple[PathLengths, FloatArray]  # of a side: its lengths, and those of its parts in pixel values


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
    way, lines = Way(corners, kind, graph), Way(corners, "linear")
    if kind == "geodesic":
        measured, straight_ones = yield from solve_sides(way, corners, known or KnownGeodesics())
    else:
        measured = yield from _measure_sides(way, corners)
        straight_ones = measured if kind == "linear" else (yield from _measure_sides(lines, corners))
    curve, sides = way.whole(), len(corners) - 1
    position = np.linspace(0, 1, frames, endpoint=not loop)
    if is_even:
        played = yield from _at_even_speed(way, sides, measured, position)
    else:
        played = way.at(np.linspace(0, sides, frames, endpoint=not loop))
    lengths, beside = (total([each for each, _ in ones]) for ones in (measured, straight_ones))
    return PathPlan(curve.astype(np.float32), played.astype(np.float32), lengths, beside)


def solve_sides(
    way: Way, corners: FloatArray, known: KnownGeodesics
) -> Generator[Evaluate, Answer, tuple[list[Measured], list[Measured]]]:
    """Let each side of a way be the geodesic between its waypoints [n, d], or straight if that is shorter.

    Returns what is measured of each side, and of the straight line in its place.
    """
    lines = Way(corners, "linear")
    measured, straight_ones = [], []
    for number in range(len(corners) - 1):
        yield from _as_part_of(way, number, _solve(corners[number], corners[number + 1], known))
        found = yield from _measure_side(way, number, len(corners) - 1)
        line = yield from _measure_side(lines, number, len(corners) - 1, shown=way)
        if found[0].is_longer(line[0]):
            way.set_side(number, straight(corners[number], corners[number + 1], NODES))
            found = line
        measured.append(found)
        straight_ones.append(line)
    return measured, straight_ones


def _parts(sides: int) -> int:
    """Into how many parts a side is divided to be measured.

    It depends on nothing but the number of sides, so that lengths of different kinds can be compared. Each geodesic's
    nodes are among the ends of the parts.
    """
    return (NODES - 1) * max(1, min(PARTS, _MAX_SIDES // ((NODES - 1) * sides)))


def _measure_side(way: Way, number: int, sides: int, shown: Way | None = None) -> Generator[Evaluate, Answer, Measured]:
    latents = way.at(np.linspace(number, number + 1, _parts(sides) + 1))
    return (yield from measure(latents, (shown or way).whole()))


def _measure_sides(way: Way, corners: FloatArray) -> Generator[Evaluate, Answer, list[Measured]]:
    """Each side by itself: the images of them all may not fit in memory."""
    measured, sides = [], len(corners) - 1
    for number in range(sides):
        measured.append((yield from _measure_side(way, number, sides)))
    return measured


def _at_even_speed(
    way: Way, sides: int, measured: list[Measured], position: NDArray[np.float64]
) -> Generator[Evaluate, Answer, FloatArray]:
    """Latents at these shares [n], 0 to 1, of the length of the images; for many frames closer latents are decoded."""
    steps = np.concatenate([each for _, each in measured])
    needed = min(_MAX_SIDES, _SIDES_PER_FRAME * len(position))
    is_fine = len(steps) >= needed
    fine = way.at(np.linspace(0, sides, (len(steps) if is_fine else sides * -(-needed // sides)) + 1))
    if not is_fine:
        images, _ = yield Evaluate(fine, None, way.whole())
        steps = step_lengths(images)
    return along(fine, steps, position)


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
