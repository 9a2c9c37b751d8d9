"""Points to pixels, against the plain way of drawing them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentlab.gui.latent_map.layers.markers import MARKERS, sprite
from latentlab.gui.latent_map.layers.point_raster import PointTiles, Rasterizer, Size, Window, point_size

WINDOW = Window(-2.0, 1.5, 100.0, 400, 300)
COORDINATE = st.floats(-(2.0**100), 2.0**100, width=32)
SINGLE = Size(0.0, 1)
COLOURS = np.array([(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 128)], np.uint8)


def draw(xy, slot, window=WINDOW, size=SINGLE):
    picture = np.full((window.height, window.width), 7, np.uint32)
    tiles = PointTiles(np.asarray(xy, np.float32), np.asarray(slot, np.uint8))
    Rasterizer().draw(picture, tiles, window, COLOURS, np.arange(len(COLOURS)), size)
    return picture


@pytest.mark.parametrize("zoom", [1.0, 0.3, 40.0])
def test_pixels_are_exactly_those_of_the_points(zoom):
    xy = np.random.default_rng(0).normal(size=(70_000, 2)).astype(np.float32)
    window = Window(-2.0 / zoom, 1.5 / zoom, 100.0 * zoom, 400, 300)
    lit = draw(xy, np.zeros(len(xy)), window) != 0
    column = np.floor((xy[:, 0] - np.float32(window.left)) * np.float32(window.scale)).astype(int)
    row = np.floor((np.float32(window.top) - xy[:, 1]) * np.float32(window.scale)).astype(int)
    seen = (column >= 1) & (column < 399) & (row >= 1) & (row < 299)
    expected = np.zeros((300, 400), bool)
    expected[row[seen], column[seen]] = True
    np.testing.assert_array_equal(lit[1:-1, 1:-1], expected[1:-1, 1:-1])


@given(
    st.lists(st.tuples(COORDINATE, COORDINATE), max_size=40),
    st.floats(-100, 100),
    st.floats(1e-4, 1e6),
    st.sampled_from([Size(0.0, 1), Size(0.0, 3), Size(3.0, 1)]),
)
@settings(max_examples=60, deadline=None)
def test_any_points_in_any_window_stay_in_the_picture(points, left, scale, size):
    xy = np.array(points, np.float32).reshape(-1, 2)
    draw(xy, np.zeros(len(xy)), Window(left, left, scale, 50, 40), size)


def test_colours_are_premultiplied_and_the_last_point_wins():
    picture = draw([(0.005, 0.005), (0.005, 0.005), (1.005, 0.005)], [1, 0, 2])
    assert picture[149, 200] == 0xFFFF0000
    assert picture[149, 300] == 0x80000080
    assert np.count_nonzero(picture) == 2


@pytest.mark.parametrize("number", range(len(MARKERS)))
def test_markers_are_filled_within_and_outlined_around(number):
    table = np.zeros((len(MARKERS), 4), np.uint8)
    table[number] = (255, 255, 255, 255)
    window = Window(0.0, 41.0, 1.0, 41, 41)
    picture = np.zeros((41, 41), np.uint32)
    tiles = PointTiles(np.array([(20.5, 20.5)], np.float32), np.array([number], np.uint8))
    Rasterizer().draw(picture, tiles, window, table, np.arange(len(MARKERS)), Size(6.0, 1))
    alpha, blue = picture >> 24, picture & 255
    assert picture[20, 20] == 0xFFFFFFFF
    assert 60 < (blue > 128).sum() < 160  # about the disc's 113 pixels, whatever the shape
    assert ((alpha > 100) & (blue < 60)).sum() > 12  # a dark rim
    assert alpha[0].max() == alpha[:, 0].max() == 0


def test_markers_differ_from_one_another():
    shapes = []
    for name in MARKERS:
        shape = sprite(name, 5.0)
        filled = shape.distance < 0
        shapes.append(frozenset(zip(shape.dx[filled].tolist(), shape.dy[filled].tolist(), strict=True)))
    assert len(set(shapes)) == len(MARKERS)


def test_where_markers_overlap_the_deeper_one_is_seen():
    table = np.array([(255, 0, 0, 255), (0, 255, 0, 255)], np.uint8)
    discs = np.zeros(2, np.intp)
    picture = np.zeros((40, 40), np.uint32)
    tiles = PointTiles(np.array([(15.5, 20.5), (21.5, 20.5)], np.float32), np.array([0, 1], np.uint8))
    Rasterizer().draw(picture, tiles, Window(0.0, 40.0, 1.0, 40, 40), table, discs, Size(5.0, 1))
    assert picture[19, 15] == 0xFFFF0000
    assert picture[19, 21] == 0xFF00FF00


def test_points_are_larger_the_fewer_they_are_and_follow_the_screen():
    sizes = [point_size(count) for count in (10, 1_000, 10_000, 100_000, 1_000_000)]
    extents = [2 * size.radius or size.side for size in sizes]
    assert extents == sorted(extents, reverse=True)
    assert extents[-1] == 1
    assert point_size(10, 2.0).radius == 2 * point_size(10).radius
    assert point_size(1_000_000, 2.0).side == 2


def test_counts_are_of_the_tiles_in_view():
    xy = np.random.default_rng(0).uniform(0, 64, (10_000, 2)).astype(np.float32)
    tiles = PointTiles(xy, np.zeros(10_000, np.uint8))
    assert tiles.count(Window(-1, 65, 10, 660, 660)) == 10_000
    part = tiles.count(Window(10.0, 20.0, 10, 100, 100))
    within = ((xy > 10) & (xy < 20)).all(axis=1).sum()
    assert within <= part <= 2 * within
    assert tiles.count(Window(100, 200, 10, 100, 100)) == 0
    assert len(PointTiles(np.array([(np.nan, 0), (1, 1)], np.float32), np.zeros(2, np.uint8))) == 1
