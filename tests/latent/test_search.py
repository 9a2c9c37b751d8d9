"""Neighbours against scikit-learn and a full sort."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.errors import InputError
from latentlab.latent import NeighbourIndex, nearest, neighbours


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("count", "size"), [(3, 2), (700, 1), (20_000, 2), (9000, 10), (300, 200)])
def test_neighbours_are_those_of_scikit_learn(random, count, size, dtype):
    sklearn = pytest.importorskip("sklearn.neighbors")
    points = (random.normal(size=(count, size)) * 3 + 50).astype(dtype)  # far from 0, where rounding is greatest
    z = points[: min(count, 9)].astype(np.float64) + random.normal(size=(min(count, 9), size))
    k = min(7, count)
    tree = sklearn.NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(points.astype(np.float64))
    distance, index = tree.kneighbors(z)
    for found in (neighbours(points, z, k), NeighbourIndex(points).query(z, k)):
        np.testing.assert_array_equal(found[0], index)
        np.testing.assert_allclose(found[1], distance, rtol=1e-9)
    one = neighbours(points, z[0], k)
    np.testing.assert_array_equal(one[0], index[0])
    np.testing.assert_allclose(one[1], distance[0], rtol=1e-9)
    assert one[1].dtype == np.float64


def test_points_nearer_than_float32_can_tell_are_ranked(random):
    points = (1000 + random.normal(size=(50_000, 3)) * 1e-4).astype(np.float32)
    z = points[17].astype(np.float64) + 1e-9
    difference = points.astype(np.float64) - z
    expected = np.argsort((difference**2).sum(1), kind="stable")[:20]
    np.testing.assert_array_equal(neighbours(points, z, 20)[0], expected)
    np.testing.assert_array_equal(NeighbourIndex(points).query(z, 20)[0], expected)


@pytest.mark.parametrize("k", [1, 6])
def test_points_at_nearly_the_same_distance_are_told_apart(random, k):
    """Points on a sphere differ in distance by the rounding of their own coordinates."""
    direction = random.normal(size=(20_000, 3))
    for z in random.normal(size=(5, 3)) * 20 + 0.1:
        points = (z + direction / np.linalg.norm(direction, axis=1, keepdims=True)).astype(np.float32)
        difference = points.astype(np.float64) - z
        expected = np.argsort((difference**2).sum(1), kind="stable")[:k]
        np.testing.assert_array_equal(neighbours(points, z, k)[0], expected)
        np.testing.assert_array_equal(NeighbourIndex(points).query(z, k)[0], expected)


def test_ties_are_in_the_order_of_the_points():
    points = np.ones((10_000, 2), np.float32)
    assert neighbours(points, [0.0, 0.0], 4)[0].tolist() == [0, 1, 2, 3]
    assert NeighbourIndex(points).query([0.0, 0.0], 4)[0].tolist() == [0, 1, 2, 3]
    lattice = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [-1.0, 0.0]])
    assert neighbours(lattice, [0.0, 0.0], 9)[0].tolist() == [2, 0, 1, 3]


def test_neighbours_do_not_depend_on_the_chunks(random, monkeypatch):
    points, z = random.normal(size=(10_000, 4)).astype(np.float32), np.zeros((2, 4))
    whole = neighbours(points, z, 5)
    monkeypatch.setattr("latentlab.latent.search._CHUNK_VALUES", 12)
    monkeypatch.setattr("latentlab.latent.search._COLUMNS", 7)
    np.testing.assert_array_equal(neighbours(points, z, 5)[0], whole[0])
    np.testing.assert_array_equal(neighbours(points, z[0], 5)[0], whole[0][0])


def test_the_shapes_follow_the_query(random):
    points = random.normal(size=(30, 3))
    assert neighbours(points, np.zeros(3))[0].shape == (5,)
    assert neighbours(points, np.zeros((2, 3)), 4)[1].shape == (2, 4)
    assert neighbours(points, np.zeros((0, 3)), 4)[0].shape == (0, 4)
    assert neighbours(points[:2], np.zeros(3), 4)[0].shape == (2,)
    index, distance = nearest(points, points[7])
    assert (index.tolist(), distance.tolist()) == ([7], [0])


def test_huge_points_and_points_that_are_not_finite(random):
    points = random.normal(size=(6000, 2)).astype(np.float32)
    points[::100] = np.nan
    points[5] = 1e30, -1e30
    z = np.array([1e30, -9e29])
    for found in (neighbours(points, z, 1), NeighbourIndex(points).query(z, 1)):
        assert found[0].tolist() == [5]
    near = NeighbourIndex(points).query([0.0, 0.0], 5000)[0]
    assert not np.isnan(points[near]).any()
    with pytest.raises(InputError, match="fewer than 2 of the points have finite values"):
        neighbours([[0.0, 1.0], [np.nan, 1.0]], [0.0, 0.0], 2)


@pytest.mark.parametrize(
    ("points", "z", "k", "why"),
    [
        (np.zeros((0, 2)), [0.0, 0.0], 1, "there are no points"),
        (np.zeros(4), [0.0, 0.0], 1, r"must be numbers \[N, d\]"),
        (np.zeros((4, 2)), [0.0, 0.0, 0.0], 1, "not 2 and 3"),
        (np.zeros((4, 2)), [0.0, np.inf], 1, "not finite"),
        (np.zeros((4, 2)), np.zeros((1, 1, 2)), 1, r"a latent \[d\] or latents \[q, d\]"),
        (np.zeros((4, 2)), [0.0, 0.0], 0, "at least 1 neighbour"),
    ],
)
def test_what_cannot_be_searched(points, z, k, why):
    with pytest.raises(InputError, match=why):
        neighbours(points, z, k)
