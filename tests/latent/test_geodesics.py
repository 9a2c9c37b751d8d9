"""Geodesics and planned paths, on surfaces whose shortest paths are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import NeighbourGraph, geodesic, interpolate, path_length, plan_path
from latentlab.latent.geodesics import evaluator, geodesic_in_steps, run
from latentlab.latent.lengths import Evaluate
from latentlab.latent.path_plan import KnownGeodesics, plan_in_steps


def sphere(z):
    longitude, latitude = np.asarray(z, float).T
    return np.stack(
        [np.cos(longitude) * np.cos(latitude), np.sin(longitude) * np.cos(latitude), np.sin(latitude)], axis=1
    )


def sphere_derivative(z, v):
    (a, b), (da, db) = np.asarray(z, float).T, np.asarray(v, float).T
    x = -np.sin(a) * np.cos(b) * da - np.cos(a) * np.sin(b) * db
    y = np.cos(a) * np.cos(b) * da - np.sin(a) * np.sin(b) * db
    return np.stack([x, y, np.cos(b) * db], axis=1)


def great_circle(one, other):
    return float(np.arccos(np.clip(sphere([one])[0] @ sphere([other])[0], -1, 1)))


def swiss_roll(z):
    angle, height = np.asarray(z, float).T
    return np.stack([angle * np.cos(angle), angle * np.sin(angle), height], axis=1)


def rolled_out(angle):
    """Arc length of the spiral of a swiss roll, which can be laid flat without stretching."""
    return (angle * np.sqrt(1 + angle**2) + np.arcsinh(angle)) / 2


def paraboloid(z):
    z = np.asarray(z, float)
    return np.column_stack([z, (z**2).sum(axis=1)])


SURFACES = {
    "sphere": (sphere, [0.0, 0.9], [2.0, 0.7], great_circle([0.0, 0.9], [2.0, 0.7])),
    "swiss roll": (swiss_roll, [2.0, 0.0], [9.0, 12.0], np.hypot(rolled_out(9.0) - rolled_out(2.0), 12.0)),
    "paraboloid, along a meridian": (paraboloid, [0.6, 0.8], [1.8, 2.4], (rolled_out(6.0) - rolled_out(2.0)) / 2),
}


@pytest.mark.parametrize("name", SURFACES)
def test_a_geodesic_has_the_length_that_is_known(name):
    surface, start, end, expected = SURFACES[name]
    path = geodesic(surface, start, end)
    assert path.shape == (32, 2)
    assert path_length(surface(path)) == pytest.approx(expected, rel=0.01)
    straight = surface(interpolate([start, end], 400))
    assert path_length(surface(path)) <= path_length(straight) * (1 + 1e-6)
    sides = np.linalg.norm(np.diff(surface(path), axis=0), axis=1)
    assert sides.max() < 1.05 * sides.min(), "at an even speed of the images"


def test_the_ends_are_exact_and_the_exact_derivative_gives_the_same_path():
    start, end = np.float32([0.1, 0.9]), np.float32([2.1, 1 / 3])
    path = geodesic(sphere, start, end, derivative=sphere_derivative)
    np.testing.assert_array_equal(path[[0, -1]], [start, end])
    np.testing.assert_allclose(path, geodesic(sphere, start, end), atol=1e-3)
    assert path_length(sphere(path)) < 0.95 * path_length(sphere(interpolate([start, end], 200)))


def test_where_the_straight_line_is_shortest_the_geodesic_is_straight():
    matrix = np.random.default_rng(0).normal(size=(5, 7))
    start, end = np.zeros(5), np.arange(5.0)
    path = geodesic(lambda z: z @ matrix, start, end, 9)
    np.testing.assert_allclose(path, interpolate([start, end], 9), atol=1e-5)
    np.testing.assert_array_equal(geodesic(sphere, [1.0, 1.0], [1.0, 1.0], 4), [[1, 1]] * 4)


def test_a_geodesic_in_many_dimensions():
    """A sphere turned into 40 dimensions, 38 of which change nothing: the nodes must not wander off along these."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0]
    start, end = np.array([0.0, 0.9] + [0.0] * 38) @ turn.T, np.array([2.0, 0.7] + [1.0] * 38) @ turn.T
    path = geodesic(lambda z: sphere((z @ turn)[:, :2]), start, end)
    assert path_length(sphere((path @ turn)[:, :2])) == pytest.approx(great_circle([0, 0.9], [2, 0.7]), rel=0.01)
    assert path_length(path) < 1.5 * np.linalg.norm(end - start)


def test_a_path_longer_than_the_straight_line_is_never_returned():
    """From a guess around the far side of the sphere, and for a decoder that no derivative is known of."""
    start, end = np.array([0.0, 0.0]), np.array([1.0, 0.0])
    around = np.stack([np.linspace(0, 1, 32), np.sin(np.linspace(0, np.pi, 32)) * 2], axis=1)
    path = geodesic(sphere, start, end, guess=around)
    assert path_length(sphere(path)) == pytest.approx(1, rel=1e-3)
    rough = geodesic(lambda z: np.sin(40 * z), start, end)  # 32 nodes do not resolve it
    straight = path_length(np.sin(40 * interpolate([start, end], 400)))
    fine = np.concatenate([interpolate(pair, 16) for pair in pairwise(rough)])
    assert path_length(np.sin(40 * fine)) <= straight * 1.001


def test_the_solver_asks_and_can_be_watched():
    steps = geodesic_in_steps(np.array([0.0, 0.9]), np.array([2.0, 0.7]))
    answer, lengths = evaluator(sphere), []

    def watched(asked):
        assert isinstance(asked, Evaluate)
        assert asked.curve.shape == (32, 2)
        lengths.append(path_length(sphere(asked.curve)))
        return answer(asked)

    found = run(steps, watched)
    assert lengths[-1] < 0.95 * lengths[0]
    assert all(after <= before * 1.001 for before, after in pairwise(lengths))
    assert path_length(sphere(found)) <= lengths[-1] * 1.001


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"nodes": 2}, "at least 3 nodes, not 2"),
        ({"end": [0.0]}, "equally many dimensions"),
        ({"start": [np.nan, 0.0]}, "not finite"),
    ],
)
def test_what_has_no_geodesic(given, why):
    with pytest.raises(InputError, match=why):
        geodesic(sphere, **{"start": [0.0, 0.9], "end": [1.0, 0.9]} | given)


# --- planned paths ----------------------------------------------------------------------------------------------

CORNERS = np.array([[0.0, 0.9], [2.0, 0.7], [1.0, -0.4]])


def answered(steps, decoder=sphere):
    """The plan, and the number of questions that needed derivatives."""
    answer, count, asked = evaluator(decoder), 0, next(steps)
    while True:
        count += asked.directions is not None
        try:
            asked = steps.send(answer(asked))
        except StopIteration as end:
            return end.value, count


@pytest.mark.parametrize("kind", ["linear", "spherical", "geodesic", "graph"])
def test_frames_are_those_of_interpolate_and_the_waypoints_are_exact(kind):
    points = np.random.default_rng(0).uniform(-1, 2, (300, 2))
    plan = plan_path(sphere, CORNERS, 21, kind, points=points)
    np.testing.assert_array_equal(plan.frames, interpolate(CORNERS, 21, kind=kind, points=points, decoder=sphere))
    np.testing.assert_array_equal(plan.frames[[0, 10, 20]], CORNERS.astype(np.float32))
    np.testing.assert_array_equal(plan.curve[[0, 31, 62]], CORNERS.astype(np.float32))


def test_lengths_are_in_latent_pixel_and_metric_units():
    plan = plan_path(sphere, CORNERS[:2], 9, "geodesic")
    assert plan.lengths.metric == pytest.approx(great_circle(*CORNERS[:2]), rel=0.01)
    assert plan.lengths.pixel == pytest.approx(plan.lengths.metric, rel=0.01)
    assert plan.straight.latent == pytest.approx(np.hypot(2, 0.2))
    assert plan.lengths.latent > plan.straight.latent
    straight = plan_path(sphere, CORNERS[:2], 9)
    assert straight.lengths == straight.straight
    assert straight.straight.metric == pytest.approx(plan.straight.metric, rel=1e-3)
    assert plan.lengths.metric < plan.straight.metric
    there_and_back = plan_path(sphere, CORNERS[:2], 9, loop=True)
    assert there_and_back.lengths.metric == pytest.approx(2 * straight.lengths.metric, rel=1e-3)


def kinked(seed):
    """A decoder of straight pieces, as networks with rectified units are: more latents find more of its changes."""
    random = np.random.default_rng(seed)
    inner, offset, outer = random.normal(size=(2, 300)) * 6, random.normal(size=300) * 9, random.normal(size=(300, 20))
    return lambda z: np.tanh(np.maximum(np.asarray(z, float) @ inner + offset, 0) @ outer / 40)


@pytest.mark.parametrize("loop", [False, True])
def test_linear_has_the_lengths_that_stand_as_straight_beside_the_others(loop):
    """Whatever the number of images, and at even speed too."""
    points, decoder = np.random.default_rng(0).uniform(-1, 2, (300, 2)), kinked(0)
    plain = plan_path(decoder, CORNERS, 9, loop=loop).lengths
    for frames, is_even in ((60, False), (60, True), (900, True)):
        assert plan_path(decoder, CORNERS, frames, loop=loop, is_even=is_even).lengths == plain
    for kind in ("spherical", "geodesic", "graph"):
        first = plan_path(decoder, CORNERS, 9, kind, loop=loop, points=points)
        assert first.straight == plain
        assert first.lengths == plan_path(decoder, CORNERS, 700, kind, loop=loop, is_even=True, points=points).lengths


def folded(z):
    """Folds, narrower than the distance of a geodesic's nodes."""
    return np.abs(np.mod(9 * np.asarray(z, float) @ np.array([[1, 2, 0.3], [-0.7, 1, 2]]), 2) - 1)


def test_a_geodesic_is_longer_than_straight_lines_by_no_measure():
    straight = 0
    for decoder in (kinked(0), folded):
        for seed in range(6):
            ends = np.random.default_rng(seed).uniform(-1, 1, (2, 2))
            plan = plan_path(decoder, ends, 9, "geodesic")
            assert plan.lengths.pixel <= plan.straight.pixel, seed
            assert plan.lengths.metric <= plan.straight.metric, seed
            straight += plan.lengths == plan.straight
    assert 0 < straight < 12, "the straight line in place of a longer one"


@pytest.mark.parametrize("kind", ["linear", "geodesic"])
@pytest.mark.parametrize("loop", [False, True])
def test_at_even_speed_equal_lengths_of_the_image_lie_between_frames(kind, loop):
    """Within 5 %, for a decoder whose speed varies tenfold."""

    def decoder(z):
        return np.stack([z[:, 0] ** 3, np.sin(3 * z[:, 1]), z[:, 0] * z[:, 1]], axis=1)

    plan = plan_path(decoder, CORNERS, 25, kind, loop=loop, is_even=True)
    frames = np.concatenate([plan.frames, plan.frames[:1]]) if loop else plan.frames
    uneven = plan_path(decoder, CORNERS, 25, kind, loop=loop).frames
    assert path_length(decoder(frames)) < plan.lengths.pixel
    lengths = arcs(decoder, frames, plan)
    assert lengths.max() < 1.05 * lengths.min()
    if kind == "linear":
        assert np.ptp(np.linalg.norm(np.diff(decoder(uneven), axis=0), axis=1)) > np.ptp(lengths)
    if loop:
        np.testing.assert_allclose(plan.curve[0], plan.curve[-1])


def arcs(decoder, frames, plan):
    """Lengths of the image's curve between consecutive frames, along the drawn path."""
    dense = np.concatenate([interpolate(pair, 65)[:-1] for pair in pairwise(plan.curve)])
    steps = np.linalg.norm(np.diff(decoder(dense.astype(float)), axis=0), axis=1)
    position = np.concatenate([[0], np.cumsum(steps)])
    at, start = [], 0
    for frame in frames[1:-1]:
        start += int(np.linalg.norm(dense[start:] - frame, axis=1).argmin())
        at.append(position[start])
    return np.diff([0, *at, position[-1]])


def test_a_dragged_waypoint_is_solved_anew_and_the_other_sides_are_known():
    known = KnownGeodesics()
    first, questions = answered(plan_in_steps(CORNERS, 5, "geodesic", known=known))
    again, fewer = answered(plan_in_steps(CORNERS, 5, "geodesic", known=known))
    np.testing.assert_array_equal(first.curve, again.curve)
    assert fewer == 4 < questions, "only for the lengths of two sides and of straight lines"
    moved = CORNERS + np.array([[0, 0], [0, 0], [0.05, 0.02]])
    after, some = answered(plan_in_steps(moved, 5, "geodesic", known=known))
    cold, more = answered(plan_in_steps(moved, 5, "geodesic"))
    np.testing.assert_array_equal(after.curve[:31], first.curve[:31])
    assert some < more
    np.testing.assert_array_equal(after.curve, cold.curve, "it does not depend on the drag")


def test_of_the_graph_the_plan_follows_the_data():
    angle = np.linspace(0, 1.5 * np.pi, 200)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    plan = plan_path(lambda z: z, points[[0, -1]], 20, "graph", points=NeighbourGraph(points))
    np.testing.assert_allclose(np.linalg.norm(plan.curve, axis=1), 1, atol=0.02)
    assert plan.lengths.metric > 2 * plan.straight.metric
    with pytest.raises(InputError, match="needs data"):
        plan_path(lambda z: z, points[[0, -1]], 20, "graph")
