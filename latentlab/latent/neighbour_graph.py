"""Shortest paths through the graph of nearest neighbours: along the data, where a straight line would leave them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentlab.errors import InputError
from latentlab.latent.arrays import FloatArray, as_latents, as_vector, same_dimensions
from latentlab.latent.search import NeighbourIndex

_MAX_POINTS = 5000
_TOGETHER = 64  # points whose neighbours are found in one step: a few milliseconds

Edges = list[dict[int, float]]


class NeighbourGraph:
    """Points joined to their nearest neighbours, as in Isomap (Tenenbaum, de Silva & Langford 2000).

    An edge is as long as the Euclidean distance of its ends, and belongs to both. Parts that no edge joins are joined
    by the shortest edges between them.

    Parameters
    ----------
    points
        [N, d]. Of more than ``most``, a random ``most`` are used.
    k
        Neighbours of each point.
    most
        Maximum number of points: the time grows with its square.
    seed
        Of the choice of points.

    Attributes
    ----------
    points
        float64 [n, d], those that are used.
    index
        int64 [n], their rows in the given points.
    """

    def __init__(self, points: ArrayLike, k: int = 10, most: int = _MAX_POINTS, seed: int = 0) -> None:
        for _ in self.build(points, k, most, seed):
            pass

    @classmethod
    def in_steps(
        cls, points: ArrayLike, k: int = 10, most: int = _MAX_POINTS, seed: int = 0
    ) -> Iterator[NeighbourGraph | None]:
        """Build in steps of a few milliseconds: ``None`` until the last, which is the graph."""
        graph = cls.__new__(cls)
        for _ in graph.build(points, k, most, seed):
            yield None
        yield graph

    def build(self, points: ArrayLike, k: int, most: int, seed: int) -> Iterator[None]:
        """What the constructor does, in steps."""
        given = as_latents(points, "the points of a graph", least=1)
        if k < 1:
            raise InputError(f"a graph needs at least 1 neighbour for each point, not {k}")
        self.index = np.arange(len(given))
        if len(given) > most:
            self.index = np.sort(np.random.default_rng(seed).choice(len(given), most, replace=False))
        self.points = given[self.index]
        self._k = k
        self._search = NeighbourIndex(self.points)
        self._edges: Edges = [{} for _ in self.points]
        for start in range(0, len(self.points), _TOGETHER):
            rows = np.arange(start, min(start + _TOGETHER, len(self.points)))
            near, distance = self._search.query(self.points[rows], k + 1)  # the first is the point itself
            for row, others, lengths in zip(rows.tolist(), near.tolist(), distance.tolist(), strict=True):
                for other, length in zip(others, lengths, strict=True):
                    self._join(row, other, length)
            yield
        yield from self._join_parts()

    def path(self, start: ArrayLike, end: ArrayLike) -> FloatArray:
        """The shortest path between two latents through the points.

        Parameters
        ----------
        start, end
            [d]; each is joined to its k nearest points.

        Returns
        -------
        ndarray
            float64 [m, d]: ``start``, the points on the way, ``end``.
        """
        first, last = as_vector(start, "a waypoint"), as_vector(end, "a waypoint")
        same_dimensions(self.points, first, "the points and the waypoints")
        same_dimensions(self.points, last, "the points and the waypoints")
        begin, finish = self._search.query(first, self._k), self._search.query(last, self._k)
        ends = dict(zip(finish[0].tolist(), finish[1].tolist(), strict=True))
        rows = self._shortest(zip(begin[0].tolist(), begin[1].tolist(), strict=True), ends)
        return np.concatenate([first[None], self.points[rows], last[None]])

    def _shortest(self, begin: Iterator[tuple[int, float]], ends: dict[int, float]) -> list[int]:
        """Rows of the points on the shortest way, by Dijkstra's algorithm (1959)."""
        best = dict(begin)
        queue = [(length, row, -1) for row, length in best.items()]
        heapq.heapify(queue)
        before: dict[int, int] = {}
        goal, shortest = -1, float("inf")
        while queue and queue[0][0] < shortest:
            length, row, previous = heapq.heappop(queue)
            if row in before:
                continue
            before[row] = previous
            if row in ends and length + ends[row] < shortest:
                goal, shortest = row, length + ends[row]
            for other, step in self._edges[row].items():
                total = length + step
                if other not in before and total < best.get(other, float("inf")):
                    best[other] = total
                    heapq.heappush(queue, (total, other, row))
        rows = [goal]
        while before[rows[-1]] >= 0:
            rows.append(before[rows[-1]])
        return rows[::-1]

    def _join(self, one: int, other: int, length: float) -> None:
        if one != other:
            self._edges[one][other] = self._edges[other][one] = length

    def _join_parts(self) -> Iterator[None]:
        """Join the smallest part to the point nearest to it until there is one part."""
        part = self._parts()
        while True:
            numbers, sizes = np.unique(part, return_counts=True)
            if len(numbers) == 1:
                return
            smallest = numbers[sizes.argmin()]
            members, others = np.flatnonzero(part == smallest), np.flatnonzero(part != smallest)
            near, distance = NeighbourIndex(self.points[others]).query(self.points[members], 1)
            closest = int(distance[:, 0].argmin())
            other = int(others[near[closest, 0]])
            self._join(int(members[closest]), other, float(distance[closest, 0]))
            part[members] = part[other]
            yield

    def _parts(self) -> NDArray[np.int64]:
        """Of each point, the number of its connected part."""
        part = np.full(len(self.points), -1, np.int64)
        for first in range(len(part)):
            if part[first] >= 0:
                continue
            stack, part[first] = [first], first
            while stack:
                for other in self._edges[stack.pop()]:
                    if part[other] < 0:
                        part[other] = first
                        stack.append(other)
        return part
