"""Directions, neighbours and density of points."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.exploration import density_on, nearest, principal_components, typical_distance


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_principal_components_find_the_axes_that_made_the_points(random):
    axes = np.linalg.qr(random.normal(size=(5, 5)))[0]
    points = random.normal(size=(20_000, 5)) * [5, 3, 1, 0.5, 0.1] @ axes + 7
    components = principal_components(points, most=3)
    assert components.shape == (3, 5)
    np.testing.assert_allclose(components @ components.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(np.abs((components * axes[:3]).sum(1)), 1, atol=1e-2)
    assert (components[np.arange(3), np.abs(components).argmax(1)] > 0).all()
    assert principal_components(points[:1]).shape == (0, 5)


def test_neighbours_are_those_that_comparing_all_finds(random):
    points = random.normal(size=(500, 3)).astype(np.float32)
    z = random.normal(size=3).astype(np.float32)
    distances = np.linalg.norm(points - z, axis=1)
    for count in (1, 7, 500, 900):
        index, distance = nearest(points, z, count)
        expected = np.argsort(distances)[:count]
        np.testing.assert_array_equal(index, expected)
        np.testing.assert_allclose(distance, distances[expected], rtol=1e-5)


def test_neighbours_do_not_depend_on_the_chunks(random, monkeypatch):
    points, z = random.normal(size=(100, 4)), np.zeros(4)
    whole = nearest(points, z, 5)
    monkeypatch.setattr("latentlab.exploration.neighbours._CHUNK_VALUES", 12)
    np.testing.assert_array_equal(nearest(points, z, 5)[0], whole[0])


def test_the_density_of_a_gaussian_is_a_gaussian(random):
    points = random.normal(size=(200_000, 2))
    density = density_on(points, (-3, 3), (-2, 2), 60, 40, bandwidth=0.2)
    assert density.values.shape == (40, 60)
    x, y = np.meshgrid(np.linspace(-2.95, 2.95, 60), np.linspace(-1.95, 1.95, 40))
    variance = 1 + 0.2**2
    expected = np.exp(-(x**2 + y**2) / (2 * variance)) / (2 * np.pi * variance)
    assert np.abs(density.values - expected).max() < 0.03 * expected.max()


def test_points_outside_reach_in_and_no_points_are_no_density():
    near = density_on([[1.05, 0.0]], (-1, 1), (-1, 1), 50, 50, bandwidth=0.3).values
    assert near[:, -1].max() > 0
    assert near[:, 0].max() == 0
    assert not density_on(np.zeros((0, 2)), (-1, 1), (-1, 1)).values.any()
    assert np.isfinite(density_on([[0, 0], [0, 0]], (-1, 1), (-1, 1)).values).all()


def test_the_typical_distance_is_that_between_neighbours():
    lattice = np.stack(np.meshgrid(np.arange(30), np.arange(30)), -1).reshape(-1, 2) * 0.5
    assert typical_distance(lattice) == pytest.approx(0.5, rel=1e-3)
    assert typical_distance(lattice[:1]) == float("inf")
