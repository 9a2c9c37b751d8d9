"""Dimming far from data, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from tests.gui.latent_map.conftest import only


def test_the_manifold_is_dimmed_smoothly_by_the_distances(qtbot, latent_map, colour_at):
    only(latent_map, "manifold", "trust")
    latent_map.set_manifold(np.full((4, 4), 200, np.uint8), (-9.0, 9.0), (-9.0, 9.0))
    distances = np.repeat(np.linspace(0, 9, 10, dtype=np.float32)[None], 10, axis=0)  # grows to the right
    latent_map.set_distances(distances, (-3.0, 3.0), (-3.0, 3.0), (1.0, 8.0))
    qtbot.waitUntil(lambda: colour_at(latent_map, (2.8, 0))[0] < 120)
    seen = [colour_at(latent_map, (x, 0.0))[0] for x in np.linspace(-2.8, 2.8, 15)]
    assert seen[0] == 200
    assert len(set(seen)) > 8, "interpolated between the cells"
    assert seen == sorted(seen, reverse=True)
    latent_map.set_distances(None)
    qtbot.waitUntil(lambda: colour_at(latent_map, (2.8, 0))[0] == 200)


def test_the_first_row_of_distances_is_the_lowest(qtbot, latent_map, colour_at):
    only(latent_map, "manifold", "trust")
    latent_map.set_manifold(np.full((4, 4), 200, np.uint8), (-9.0, 9.0), (-9.0, 9.0))
    latent_map.set_distances(np.array([[0.0], [9.0]], np.float32), (-3.0, 3.0), (-3.0, 3.0), (1.0, 8.0))
    qtbot.waitUntil(lambda: colour_at(latent_map, (0, 2.8))[0] < 120)
    assert colour_at(latent_map, (0, -2.8))[0] == 200


def test_the_scale_gives_the_distances_while_the_layer_is_visible(qtbot, latent_map):
    scale = latent_map.findChild(QWidget, "distanceScale")
    assert not scale.isVisible()
    latent_map.set_distances(np.zeros((2, 2), np.float32), (-3.0, 3.0), (-3.0, 3.0), (0.4217, 1.265))
    assert scale.isVisible()
    assert scale.texts() == ("0.42", "1.3")
    latent_map.set_layer_visible("trust", False)
    assert not scale.isVisible()
    latent_map.set_layer_visible("trust", True)
    assert scale.isVisible()
