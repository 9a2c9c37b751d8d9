"""Grids against closed forms and figure 4's recipe."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latentlab.latent import coarse_to_fine, linear_grid, quantile_grid


def test_the_quantile_grid_has_cells_of_equal_probability():
    grid = quantile_grid(5, latent_dim=4)
    assert grid.shape == (5, 5, 4)
    shares = [NormalDist().cdf(float(z)) for z in grid[0, :, 0]]
    np.testing.assert_allclose(shares, [0.1, 0.3, 0.5, 0.7, 0.9], atol=1e-6)
    np.testing.assert_array_equal(grid[:, 0, 1], grid[0, :, 0])  # z₂ rises with the row
    assert (grid[..., 2:] == 0).all()
    assert quantile_grid(3, latent_dim=1).shape == (3, 3, 1)


def test_a_linear_grid_holds_the_centres_of_its_cells():
    grid = linear_grid(3, 2, (-3.0, 3.0), (0.0, 1.0))
    np.testing.assert_allclose(grid[0, :, 0], [-2, 0, 2])
    np.testing.assert_allclose(grid[:, 0, 1], [0.25, 0.75])


@given(st.integers(1, 40), st.integers(1, 40))
def test_every_pass_covers_every_cell_once_from_the_centre_outwards(columns, rows):
    for scan in coarse_to_fine(columns, rows):
        covered = np.zeros((rows, columns), int)
        for column, row in scan.cells:
            covered[row : row + scan.span, column : column + scan.span] += 1
        assert (covered == 1).all()
        assert (scan.sources[:, 0] < columns).all()
        assert (scan.sources[:, 1] < rows).all()
        inside = scan.sources - scan.cells
        assert ((inside >= 0) & (inside < scan.span)).all()
        away = np.hypot(*(scan.sources + 0.5 - np.array([columns, rows]) / 2).T)
        assert (np.diff(away) >= -1e-9).all()
    assert scan.span == 1
    np.testing.assert_array_equal(scan.sources, scan.cells)
