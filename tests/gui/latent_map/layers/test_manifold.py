"""The decoded manifold, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor

from latentlab.errors import InputError
from latentlab.gui.style.theme import DARK, LIGHT
from tests.gui.latent_map.conftest import RANGE, only


def quarters(grey: tuple[int, int, int, int]) -> np.ndarray:
    """A picture of four even quarters: upper left, upper right, lower left, lower right."""
    return np.array(grey, np.uint8).reshape(2, 2).repeat(8, 0).repeat(8, 1)


def test_a_whole_manifold_lies_upright_in_its_ranges(latent_map, colour_at):
    only(latent_map, "manifold")
    latent_map.set_manifold(quarters((40, 80, 120, 160)), RANGE, RANGE)
    shown = [colour_at(latent_map, z)[0] for z in ((-1, 1), (1, 1), (-1, -1), (1, -1))]
    assert shown == [40, 80, 120, 160]
    assert colour_at(latent_map, (2.5, 0)) == QColor(DARK.map).getRgb()[:3]
    latent_map.set_theme(LIGHT)
    assert colour_at(latent_map, (2.5, 0)) == QColor(LIGHT.map).getRgb()[:3]
    latent_map.set_theme(DARK)
    latent_map.set_manifold(None, RANGE, RANGE)
    assert colour_at(latent_map, (1, 1)) == QColor(DARK.map).getRgb()[:3]


def test_a_colour_manifold_keeps_its_colours(latent_map, colour_at):
    only(latent_map, "manifold")
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[...] = (200, 100, 50)
    latent_map.set_manifold(picture, RANGE, RANGE)
    assert colour_at(latent_map, (0, 0)) == (200, 100, 50)


def tile(grey: int, count: int = 1) -> np.ndarray:
    return np.full((count, 8, 8), grey, np.uint8)


def test_tiles_refine_coarse_blocks_with_row_0_lowest(latent_map, colour_at, qtbot):
    only(latent_map, "manifold")
    latent_map.begin_manifold(RANGE, RANGE, 4, 4, 7)
    latent_map.put_tiles(7, np.array([(0, 0), (2, 0), (0, 2), (2, 2)]), 2, np.concatenate([tile(60), tile(80, 3)]))
    qtbot.waitUntil(lambda: colour_at(latent_map, (-1, -1))[0] == 60)
    assert colour_at(latent_map, (1, 1))[0] == 80
    latent_map.put_tiles(7, np.array([(1, 0)]), 1, tile(200))
    qtbot.waitUntil(lambda: colour_at(latent_map, (-0.5, -1.5))[0] == 200)
    assert colour_at(latent_map, (-0.5, -0.5))[0] == 60


def test_a_block_may_hang_over_the_grid(latent_map, colour_at, qtbot):
    only(latent_map, "manifold")
    latent_map.begin_manifold(RANGE, RANGE, 3, 3, 1)
    upright = np.vstack([np.full((4, 8), 10, np.uint8), np.full((4, 8), 90, np.uint8)])[None]
    latent_map.put_tiles(1, np.array([(2, 2)]), 2, upright)
    # The block is two cells high and only its lower one lies on the grid: the lower half of the tile.
    qtbot.waitUntil(lambda: colour_at(latent_map, (1.33, 1.33))[0] == 90)


def test_the_last_picture_stays_until_it_is_covered_and_late_tiles_are_ignored(latent_map, colour_at, qtbot):
    only(latent_map, "manifold")
    latent_map.set_manifold(quarters((40, 40, 40, 40)), RANGE, RANGE)
    latent_map.begin_manifold(RANGE, RANGE, 2, 1, 2)
    latent_map.put_tiles(1, np.array([(0, 0)]), 1, tile(250))
    latent_map.put_tiles(2, np.array([(1, 0)]), 1, tile(90))
    qtbot.waitUntil(lambda: colour_at(latent_map, (1, 0))[0] == 90)
    assert colour_at(latent_map, (-1, 0))[0] == 40


def test_newer_weights_paint_over_the_same_cells_in_place(latent_map, colour_at, qtbot):
    only(latent_map, "manifold")
    latent_map.begin_manifold(RANGE, RANGE, 2, 1, 1)
    latent_map.put_tiles(1, np.array([(0, 0), (1, 0)]), 1, tile(90, 2))
    latent_map.begin_manifold(RANGE, RANGE, 2, 1, 2)
    latent_map.put_tiles(2, np.array([(0, 0)]), 1, tile(120))
    qtbot.waitUntil(lambda: colour_at(latent_map, (-1, 0))[0] == 120)
    assert colour_at(latent_map, (1, 0))[0] == 90


def test_pictures_of_another_kind_are_refused(latent_map):
    with pytest.raises(InputError, match="uint8"):
        latent_map.set_manifold(np.zeros((4, 4), np.float32), RANGE, RANGE)
    with pytest.raises(InputError, match="neither grey nor"):
        latent_map.set_manifold(np.zeros((4, 4, 2), np.uint8), RANGE, RANGE)
    with pytest.raises(InputError, match="at least one column"):
        latent_map.begin_manifold(RANGE, RANGE, 0, 3, 1)
