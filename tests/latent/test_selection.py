"""The even-odd test against counting every crossing, and what a selection consists of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentlab.errors import InputError
from latentlab.latent import class_shares, contains, mean_image, ranked


def counted(polygon, points):
    """The rule itself: for every point, every edge."""
    inside = np.zeros(len(points), bool)
    x, y = np.asarray(points, np.float64).T
    for (x0, y0), (x1, y1) in zip(np.roll(polygon, 1, axis=0), polygon, strict=True):
        if y0 != y1:
            crossed = (min(y0, y1) <= y) & (y < max(y0, y1))
            inside ^= crossed & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


coordinate = st.integers(-4, 4).map(float) | st.floats(-5, 5, allow_nan=False)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12), st.integers(0, 2**31))
def test_every_polygon_contains_what_counting_says(corners, seed):
    random = np.random.default_rng(seed)
    points = np.concatenate([random.uniform(-5, 5, (300, 2)), random.integers(-5, 5, (100, 2))])
    polygon = np.array(corners)
    np.testing.assert_array_equal(contains(polygon, points), counted(polygon, points))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", ["lasso", "star", "thin", "flat", "huge"])
def test_the_cells_change_nothing(shape, dtype):
    random = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    polygon = {
        "lasso": circle * (1 + 0.4 * np.sin(7 * angle))[:, None] + 0.1,
        "star": circle[np.arange(90) * 37 % 90],  # crosses itself
        "thin": np.array([[-3, -3], [3, 3], [3, 3.001], [0, 0.01]]),
        "flat": np.array([[-1.0, 0.5], [1, 0.5], [0, 0.5]]),
        "huge": circle * 1e6,
    }[shape]
    t = random.uniform(size=(len(polygon), 400, 1))
    beside = polygon[:, None] * t + np.roll(polygon, 1, axis=0)[:, None] * (1 - t) + random.normal(size=t.shape) * 1e-3
    points = np.concatenate([random.normal(size=(60_000, 2)), polygon, beside.reshape(-1, 2)]).astype(dtype)
    found = contains(polygon, points)
    np.testing.assert_array_equal(found, counted(polygon, points))
    assert found.any() == (shape != "flat")


def test_points_that_are_not_finite_are_outside():
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    points = np.full((9000, 2), 0.5)
    points[:4] = [[np.nan, 0.5], [0.5, np.nan], [-np.inf, 0.5], [0.5, np.inf]]
    for count in (10, 9000):
        assert contains(square, points[:count]).tolist() == [False] * 4 + [True] * (count - 4)
    assert not contains(square[:2], points).any()
    assert contains(square, np.zeros((0, 2))).shape == (0,)
    with pytest.raises(InputError, match=r"the points must be numbers \[n, 2\]"):
        contains(square, np.zeros((4, 3)))
    with pytest.raises(InputError, match="corner of the polygon is not finite"):
        contains([[0, 0], [1, np.nan], [1, 1]], points)


def test_shares_of_the_classes():
    labels = [0, 0, 1, -1, 2, 2, 2, 2]
    np.testing.assert_allclose(class_shares(labels, 4), [0.25, 0.125, 0.5, 0, 0.125])
    np.testing.assert_allclose(class_shares(labels, 3, [0, 3]), [0.5, 0, 0, 0.5])
    np.testing.assert_allclose(class_shares(labels, 3, np.array(labels) == 2), [0, 0, 1, 0])
    assert class_shares(labels, 3, []).sum() == 0


def test_ranks_of_values():
    values = [3.0, np.nan, 5.0, 3.0, -1.0]
    assert ranked(values, 3).tolist() == [2, 0, 3]
    assert ranked(values, 2, is_descending=False).tolist() == [4, 0]
    assert ranked(values, 99).tolist() == [2, 0, 3, 4]


def test_the_mean_of_selected_images():
    images = np.arange(3 * 1 * 2 * 2, dtype=np.uint8).reshape(3, 1, 2, 2)
    np.testing.assert_allclose(mean_image(images, [0, 2]), images[[0, 2]].mean(axis=0) / 255, rtol=1e-6)
    np.testing.assert_allclose(mean_image(images / 255, [1]), images[1] / 255, rtol=1e-6)
    with pytest.raises(InputError, match="no images"):
        mean_image(images, [])
