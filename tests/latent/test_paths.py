"""Sweeps and paths."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.latent import interpolate, traverse


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
