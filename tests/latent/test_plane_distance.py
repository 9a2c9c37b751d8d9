"""The distance of a plane from points, compared with the distances themselves."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.latent.plane_distance import PlaneDistance


def measured(plane: PlaneDistance) -> np.ndarray:
    return [each for each in plane.distances() if each is not None][-1]


def latents_of(plane: PlaneDistance, shape: tuple[int, int], origin, x, y) -> np.ndarray:
    """The latents at the middle of every cell, [rows, columns, d]."""
    v, u = (
        low + (np.arange(count) + 0.5) * plane.cell
        for low, count in zip((plane.y_range[0], plane.x_range[0]), shape, strict=True)
    )
    return origin + u[None, :, None] * x + v[:, None, None] * y


@pytest.mark.parametrize("dimensions", [2, 3, 10])
@pytest.mark.parametrize("factor", [1, 4])
def test_it_is_the_distance_to_the_nearest_point_in_all_dimensions_to_a_cell(dimensions, factor):
    random = np.random.default_rng(dimensions)
    points = random.normal(size=(400, dimensions)).astype(np.float32)
    x, y = np.linalg.qr(random.normal(size=(dimensions, 2)))[0].T
    origin = random.normal(size=dimensions)
    origin -= (origin @ x) * x + (origin @ y) * y
    plane = PlaneDistance(origin, x, y, (-2.0, 1.0), (0.0, 2.0), reach=3.0)
    for start in range(0, 400, 150):
        plane.add(points[start : start + 150])
    plane = plane if factor == 1 else plane.coarse(factor)
    distances = measured(plane)
    z = latents_of(plane, distances.shape, origin, x, y)
    exact = np.linalg.norm(z[:, :, None] - points, axis=-1).min(axis=-1)
    inside = (slice(None), slice(None)) if factor == 1 else tuple(slice(9, count - 9) for count in distances.shape)
    np.testing.assert_allclose(distances[inside], np.minimum(exact, 3.0)[inside], atol=1.5 * plane.cell)


def test_a_slice_far_along_a_third_dimension_is_far_everywhere():
    points = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32) * [1, 1, 0.01]
    x, y = np.eye(3)[:2]
    for height in (0.0, 2.0):
        plane = PlaneDistance(np.array([0, 0, height]), x, y, (-1.0, 1.0), (-1.0, 1.0), reach=4.0)
        plane.add(points)
        middle = measured(plane)
        assert middle.min() == pytest.approx(height, abs=0.1)


def test_in_one_dimension_nothing_changes_along_the_second_axis():
    plane = PlaneDistance(np.zeros(1), np.ones(1), np.zeros(1), (-3.0, 3.0), (-3.0, 3.0), reach=2.0)
    plane.add(np.array([[1.0]], np.float32))
    distances = measured(plane)
    assert np.ptp(distances, axis=0).max() == 0
    assert distances.min() == 0
    assert distances[0].argmin() == pytest.approx((1 - plane.x_range[0]) / plane.cell, abs=1)


def test_points_beyond_the_ranges_count_as_far_as_they_reach():
    plane = PlaneDistance(np.zeros(2), *np.eye(2), (0.0, 1.0), (0.0, 1.0), reach=2.0)
    plane.add(np.array([[-1.0, 0.5]], np.float32))
    distances = measured(plane)
    assert distances[len(distances) // 2, 0] == pytest.approx(1.0, abs=2 * plane.cell)
    assert distances.max() == 2.0
