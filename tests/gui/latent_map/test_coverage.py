"""Where points are dense."""

from __future__ import annotations

import numpy as np

from latentlab.gui.latent_map.coverage import CELLS, Coverage


def test_density_is_highest_where_most_points_are():
    random = np.random.default_rng(0)
    xy = np.concatenate([random.normal((2, 2), 0.2, (9_000, 2)), random.normal((-2, -2), 0.2, (1_000, 2))])
    density = Coverage(xy).density()
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert row < CELLS / 2 < column  # upper right: the first row is uppermost
    assert density.max() == 1.0
    assert density.min() >= 0.0
