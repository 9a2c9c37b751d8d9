"""How far from data a place is, against the distances themselves."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.gui.latent_map.coverage import CELLS, Coverage


@pytest.mark.parametrize("count", [1, 2, 300, 20_000])
def test_distances_are_true_to_a_cell(count):
    random = np.random.default_rng(count)
    xy = random.normal(size=(count, 2)).astype(np.float32)
    coverage = Coverage(xy)
    cell = max(coverage.x_range[1] - coverage.x_range[0], coverage.y_range[1] - coverage.y_range[0]) / CELLS
    for place in random.uniform(-6, 6, (80, 2)):
        true = np.sqrt(((xy - place) ** 2).sum(axis=1).min())
        assert coverage.distance(place) > true - 2.5 * cell - 1e-5
        if all(low < at < high for at, (low, high) in zip(place, (coverage.x_range, coverage.y_range), strict=True)):
            assert coverage.distance(place) < true + 2.5 * cell


def test_of_a_single_point_nothing_is_far():
    coverage = Coverage(np.array([(1.0, 2.0)]))
    assert not coverage.is_far((50, 50))
    assert coverage.farness().max() == 0.0


def test_among_points_is_near_and_in_a_hole_is_far():
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 5_000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * random.normal(3, 0.1, (5_000, 1))
    coverage = Coverage(ring)
    assert not coverage.is_far((3, 0))
    assert coverage.is_far((0, 0))
    assert coverage.is_far((9, 9))
    assert coverage.farness()[CELLS // 2, CELLS // 2] == 1.0


@pytest.mark.parametrize("count", [100, 1_000, 100_000])
def test_nearly_all_of_the_data_counts_as_near_data(count):
    xy = np.random.default_rng(1).normal(size=(count, 2))
    coverage = Coverage(xy)
    assert coverage.reach < 2.5
    held_out = np.random.default_rng(2).normal(size=(300, 2))
    assert np.mean([coverage.is_far(place) for place in held_out]) < 0.05


def test_density_is_highest_where_most_points_are():
    random = np.random.default_rng(0)
    xy = np.concatenate([random.normal((2, 2), 0.2, (9_000, 2)), random.normal((-2, -2), 0.2, (1_000, 2))])
    density = Coverage(xy).density()
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert row < CELLS / 2 < column  # upper right: the first row is uppermost
    assert density.max() == 1.0
    assert density.min() >= 0.0
