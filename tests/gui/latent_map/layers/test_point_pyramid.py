"""The points that have pictures: one a cell, the same ones whatever else is in view, and more with every level."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.gui.latent_map.layers.point_pyramid import DEPTH, PointPyramid

XY = (3 * np.random.default_rng(0).standard_normal((5000, 2))).astype(np.float32)


def cells(pyramid: PointPyramid, xy, level: int) -> np.ndarray:
    return pyramid.corners(xy, level) / pyramid.cell_side(level)


@pytest.mark.parametrize("level", [0, 3, 6, 12])
def test_every_occupied_cell_shows_one_of_its_points(level):
    pyramid = PointPyramid(XY)
    rows = pyramid.rows(level)
    shown = {tuple(cell) for cell in cells(pyramid, XY[rows], level)}
    assert len(shown) == len(rows), "one a cell"
    assert shown == {tuple(cell) for cell in cells(pyramid, XY, level)}, "of every cell with a point"


def test_what_a_cell_shows_stays_when_it_is_quartered():
    pyramid = PointPyramid(XY)
    for level in range(1, 12):
        assert set(pyramid.rows(level)) <= set(pyramid.rows(level + 1))


def test_other_points_and_other_extents_do_not_change_a_cell():
    near = np.abs(XY).max(axis=1) < 2
    pyramid = PointPyramid(XY)
    within = PointPyramid(np.where(near[:, None], XY, np.nan).astype(np.float32))
    assert within.side < pyramid.side
    cell = 0.25
    one, other = (each.rows(each.level_of(cell)) for each in (pyramid, within))
    inside = np.abs(pyramid.corners(XY[one], pyramid.level_of(cell)) + cell / 2).max(axis=1) < 1.9
    assert set(one[inside]) <= set(other)


def test_only_the_given_finite_rows_are_shown():
    xy = XY.copy()
    xy[:100] = np.nan
    pyramid = PointPyramid(xy, np.arange(50, 150))
    assert set(pyramid.rows(DEPTH)) == set(range(100, 150))
    assert len(PointPyramid(xy[:100]).rows(5)) == 0


def test_the_level_is_the_finest_with_cells_of_a_side():
    pyramid = PointPyramid(XY)
    level = pyramid.level_of(0.3)
    assert pyramid.cell_side(level) >= 0.3 > pyramid.cell_side(level + 1)
    assert pyramid.level_of(1e9) == 0
    assert pyramid.level_of(1e-9) == DEPTH


def test_no_side_of_a_cell_is_preferred():
    xy = np.random.default_rng(1).uniform(-4, 4, (50_000, 2)).astype(np.float32)
    pyramid = PointPyramid(xy)
    rows = pyramid.rows(5)
    within = (xy[rows] - pyramid.corners(xy[rows], 5)) / pyramid.cell_side(5)
    np.testing.assert_allclose(within.mean(axis=0), 0.5, atol=0.05)
