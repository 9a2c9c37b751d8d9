"""Dimming far from data, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np

from tests.gui.latent_map.conftest import only


def test_the_manifold_is_dimmed_only_far_from_points(qtbot, latent_map, colour_at):
    only(latent_map, "manifold", "trust")
    latent_map.set_manifold(np.full((4, 4), 200, np.uint8), (-9.0, 9.0), (-9.0, 9.0))
    latent_map.set_points(np.random.default_rng(0).normal(size=(500, 2)) * 0.3, None, ())
    qtbot.waitUntil(lambda: colour_at(latent_map, (3, -2.5))[0] < 120)
    assert colour_at(latent_map, (0, 0))[0] == 200
