"""Sweeps and paths."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import NeighbourGraph, at_even_speed, interpolate, path_length, traverse


def test_a_traversal_moves_one_dimension_at_a_time():
    sweeps = traverse([1.0, 2.0, 3.0], (2, 0), [-1.0, 0.0, 1.0, 2.0])
    assert sweeps.shape == (2, 4, 3)
    np.testing.assert_array_equal(sweeps[0, :, 2], [-1, 0, 1, 2])
    np.testing.assert_array_equal(sweeps[0, :, :2], [[1, 2]] * 4)
    np.testing.assert_array_equal(sweeps[1, :, 1:], [[2, 3]] * 4)


@pytest.mark.parametrize("spherical", [False, True])
def test_every_segment_of_a_path_has_equal_steps(spherical):
    waypoints = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 3]], np.float32)
    path = interpolate(waypoints, 9, spherical)
    np.testing.assert_allclose(path[[0, 4, 8]], waypoints, atol=1e-6)
    assert interpolate(waypoints[:1], 4, spherical).tolist() == [[1, 0, 0]] * 4
    assert interpolate(waypoints, 1, spherical).tolist() == [[1, 0, 0]]


def test_the_spherical_path_has_even_angles_and_linear_lengths():
    path = interpolate([[2.0, 0.0], [0.0, 2.0]], 4, spherical=True)
    angles = np.arctan2(path[:, 1], path[:, 0])
    np.testing.assert_allclose(angles, np.linspace(0, np.pi / 2, 4), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, rtol=1e-6)
    straight = interpolate([[2.0, 0.0], [0.0, 2.0]], 3)
    np.testing.assert_allclose(straight[1], [1, 1])


@pytest.mark.parametrize("ends", [[[0, 0], [1, 1]], [[1, 1], [2, 2]], [[1, 0], [-1, 0]]])
def test_a_path_without_a_defined_angle_is_straight(ends):
    np.testing.assert_allclose(interpolate(ends, 5, spherical=True), interpolate(ends, 5), atol=1e-6)


def test_a_loop_goes_back_and_repeats_seamlessly():
    waypoints = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]])
    loop = interpolate(waypoints, 9, loop=True)
    np.testing.assert_allclose(loop[[0, 3, 6]], waypoints, atol=1e-6)
    np.testing.assert_allclose(loop[[7, 8]], [[2, 2], [1, 1]], atol=1e-6)
    round_trip = interpolate([*waypoints, waypoints[0]], 10)
    np.testing.assert_allclose(loop, round_trip[:-1], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kind": "geodesic"}, "a geodesic path needs a decoder"),
        ({"kind": "curly"}, "no path of kind 'curly': use linear, spherical, geodesic or graph"),
        ({"kind": "graph"}, "needs data"),
        ({"steps": 0}, "at least 1 step"),
        ({"waypoints": np.zeros((0, 2))}, "at least 1 latent,"),
        ({"waypoints": [[0.0, np.inf]]}, "not finite"),
        ({"kind": "graph", "points": np.zeros((4, 3))}, "equally many dimensions, not 3 and 2"),
    ],
)
def test_what_is_not_a_path(given, why):
    with pytest.raises(InputError, match=why):
        interpolate(**{"waypoints": [[0.0, 0.0], [1.0, 1.0]], "steps": 5} | given)


# --- through the graph of nearest neighbours ----------------------------------------------------------------


def horseshoe(count=600, seed=0):
    """Points of three quarters of a circle of radius 1, in three dimensions."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 1.5 * np.pi, count))
    return np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) + random.normal(size=(count, 3)) * 0.01


def test_the_path_through_the_graph_follows_the_data():
    points = horseshoe()
    ends = points[[0, -1]] + 0.001
    path = interpolate(ends, 50, kind="graph", points=points)
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, atol=0.05)
    assert path_length(path) == pytest.approx(1.5 * np.pi, rel=0.05)
    sides = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert sides.max() < 1.2 * sides.mean(), "at even speed"
    straight = interpolate(ends, 51)
    assert np.linalg.norm(straight, axis=1).min() < 0.75


def test_shortest_paths_are_those_of_scipy():
    csgraph = pytest.importorskip("scipy.sparse.csgraph")
    points = np.random.default_rng(1).normal(size=(400, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    is_near = distances <= np.sort(distances, axis=1)[:, 6:7]
    expected = csgraph.dijkstra(np.where(is_near | is_near.T, distances, 0), indices=[0, 1])
    graph = NeighbourGraph(points, k=6)
    for one in (0, 1):
        for other in (2, 50, 399):
            # The ends are points: they are joined to themselves, or farther on along an edge of the graph.
            assert path_length(graph.path(points[one], points[other])) == pytest.approx(expected[one, other], rel=1e-9)


def test_parts_without_an_edge_between_them_are_joined_by_the_shortest():
    random = np.random.default_rng(0)
    parts = [random.uniform((x, 0), (x + 1, 1), (30, 2)) for x in (0, 10, 20)]
    points = np.concatenate(parts)
    way = NeighbourGraph(points, k=3).path(points[0], points[-1])
    gaps = np.sort(np.linalg.norm(np.diff(way, axis=0), axis=1))[-2:]
    expected = sorted(
        np.linalg.norm(one[:, None] - other, axis=2).min()
        for one, other in ((parts[0], parts[1]), (parts[1], parts[2]))
    )
    np.testing.assert_allclose(gaps, expected)


def test_a_graph_of_many_points_uses_a_part_of_them_and_is_built_in_steps():
    points = horseshoe(900)
    steps = list(NeighbourGraph.in_steps(points, most=200, seed=4))
    graph = steps[-1]
    assert len(steps) > 3
    assert not any(steps[:-1])
    assert graph.points.shape == (200, 3)
    np.testing.assert_array_equal(graph.points, points[graph.index])
    path = interpolate(points[[0, -1]], 20, kind="graph", points=graph)
    np.testing.assert_array_equal(path, interpolate(points[[0, -1]], 20, kind="graph", points=graph.points))
    single = NeighbourGraph(points[:1]).path([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(single, [[0, 0, 0], points[0], [1, 1, 1]])


# --- speed and length ---------------------------------------------------------------------------------------


def test_even_speed_is_that_of_the_images():
    path = np.linspace(0, 1, 201)[:, None]
    images = (path**2).reshape(-1, 1, 1, 1) * np.ones((1, 1, 2, 2))  # slow at first
    even = at_even_speed(path, images, steps=5)
    np.testing.assert_allclose(even[:, 0], np.sqrt([0, 0.25, 0.5, 0.75, 1]), atol=1e-3)
    assert at_even_speed(path, images).shape == (201, 1)
    assert path_length(images) == pytest.approx(2), "half of the norm of four pixels of 1, twice"


def test_even_speed_of_a_loop_repeats_seamlessly():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    path = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    images = path * [3, 1]
    even = at_even_speed(path, images, steps=40, loop=True)
    steps = np.linalg.norm(np.roll(even, -1, axis=0) * [3, 1] - even * [3, 1], axis=1)
    assert steps.max() < 1.03 * steps.min()
    still = at_even_speed(path, np.zeros((400, 2)), steps=4, loop=True)
    np.testing.assert_allclose(still, path[::100], atol=1e-6)
    with pytest.raises(InputError, match="an image for each of 400 latents, not 7"):
        at_even_speed(path, images[:7])
