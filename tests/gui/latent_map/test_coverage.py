"""Where points are dense and where they are absent, compared with the distances themselves."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.gui.latent_map.coverage import CELLS, Coverage


def centres(coverage: Coverage) -> np.ndarray:
    """The middle of every cell, [CELLS, CELLS, 2], the first row uppermost."""
    (x0, x1), (y0, y1) = coverage.x_range, coverage.y_range
    share = (np.arange(CELLS) + 0.5) / CELLS
    return np.stack(np.meshgrid(x0 + share * (x1 - x0), (y0 + share * (y1 - y0))[::-1]), axis=-1)


def farness_at(coverage: Coverage, xy: tuple[float, float]) -> float:
    away = np.abs(centres(coverage) - xy).sum(axis=-1)
    return coverage.farness()[np.unravel_index(away.argmin(), away.shape)]


@pytest.mark.parametrize("count", [2, 300, 20_000])
def test_farness_follows_the_distance_to_the_nearest_point_to_a_cell(count):
    xy = np.random.default_rng(count).normal(size=(count, 2)).astype(np.float32)
    coverage = Coverage(xy)
    farness, cells = coverage.farness(), centres(coverage)
    slack = 2.5 * max(np.ptp(coverage.x_range), np.ptp(coverage.y_range)) / CELLS
    for row, column in np.random.default_rng(0).integers(0, CELLS, (200, 2)):
        distance = np.sqrt(((xy - cells[row, column]) ** 2).sum(axis=1).min())
        if distance < coverage.reach - slack:
            assert farness[row, column] == 0.0
        if distance > 3 * coverage.reach + slack:
            assert farness[row, column] == 1.0


def test_nothing_is_far_from_a_single_point():
    assert Coverage(np.array([(1.0, 2.0)])).farness().max() == 0.0


def test_a_hole_among_points_is_far():
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 5_000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * random.normal(3, 0.1, (5_000, 1))
    coverage = Coverage(ring)
    assert farness_at(coverage, (3, 0)) == 0.0
    assert farness_at(coverage, (0, 0)) == 1.0


@pytest.mark.parametrize("count", [100, 1_000, 100_000])
def test_nearly_all_of_the_data_counts_as_near_data(count):
    coverage = Coverage(np.random.default_rng(1).normal(size=(count, 2)))
    assert coverage.reach < 2.5
    held_out = np.random.default_rng(2).normal(size=(300, 2))
    assert np.mean([farness_at(coverage, xy) > 0.0 for xy in held_out]) < 0.05


def test_density_is_highest_where_most_points_are():
    random = np.random.default_rng(0)
    xy = np.concatenate([random.normal((2, 2), 0.2, (9_000, 2)), random.normal((-2, -2), 0.2, (1_000, 2))])
    density = Coverage(xy).density()
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert row < CELLS / 2 < column  # upper right: the first row is uppermost
    assert density.max() == 1.0
    assert density.min() >= 0.0
