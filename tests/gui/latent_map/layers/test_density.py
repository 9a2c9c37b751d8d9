"""The density of the points, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np

from tests.gui.latent_map.conftest import only


def test_the_density_is_brightest_where_most_points_are(latent_map, colour_at):
    random = np.random.default_rng(0)
    crowd, few = random.normal((1.5, 1.5), 0.2, (2000, 2)), random.normal((-1.5, -1.5), 0.2, (20, 2))
    latent_map.set_points(np.concatenate([crowd, few]))
    only(latent_map, "density")
    at_crowd, at_few, nowhere = (sum(colour_at(latent_map, z)) for z in ((1.5, 1.5), (-1.5, -1.5), (2.0, -2.0)))
    assert at_crowd > 300
    assert at_crowd > at_few > nowhere
