"""The map is drawn anew at any size, with its axes and legend and without buttons; as SVG with letters and shapes."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from latentlab.gui.latent_map import LatentMap
from latentlab.gui.latent_map.layers.markers import MARKERS, outline
from latentlab.gui.latent_map.map_picture import Tiles
from latentlab.gui.latent_map.view import AXIS_HEIGHT, AXIS_WIDTH, MARGIN


@pytest.fixture
def drawn(qtbot):
    """A map with a point of each of two classes."""
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    latent_map.resize(300, 260)
    latent_map.set_points([[-1, -1], [1, 1]], [0, 1], ("cat", "dog"))
    latent_map.set_cursor((0.5, -0.5))
    return latent_map


def grey_tiles(levels) -> Tiles:
    """Cells of one level each, [rows, columns], the lowest row first, over the map's first view."""
    levels = np.array(levels, np.uint8)
    return Tiles(levels[..., None, None].repeat(4, 2).repeat(4, 3), (-4, 4), (-4, 4))


def test_it_has_the_size_that_is_asked_for_whatever_the_widgets(drawn):
    assert drawn.picture(500, 400).image().shape == (400, 500, 3)
    assert drawn.picture(500, 400, 2.0).image().shape == (800, 1000, 3)


def test_the_decoded_cells_are_where_they_belong_on_the_axes(drawn):
    picture = drawn.picture(400, 400, 2.0, ((-4, 4), (-4, 4)))
    picture.tiles = grey_tiles([[10, 60], [110, 160]])
    drawn.set_layer_visible("points", False)
    drawn.set_layer_visible("cursor", False)
    image = picture.image()
    for x, y, level in ((-3, -3, 10), (3, -3, 60), (-3, 3, 110), (2, 1, 160)):
        pixel = picture.view.to_pixel((x, y))
        column, row = (round(2 * (a + b)) for a, b in zip(pixel, (AXIS_WIDTH, MARGIN), strict=True))
        assert image[row, column].tolist() == [level] * 3


def test_points_are_drawn_again_at_this_resolution_not_enlarged(drawn):
    drawn.set_layer_visible("cursor", False)
    small, large = (drawn.picture(400, 400, ratio, ((-4, 4), (-4, 4))).image().astype(int) for ratio in (1.0, 4.0))
    inside = (slice(AXIS_WIDTH, 300), slice(60, 350))
    enlarged = small[inside[1], inside[0]].repeat(4, 0).repeat(4, 1)
    drawn_again = large[4 * 60 : 4 * 350, 4 * AXIS_WIDTH : 4 * 300]
    assert enlarged.shape == drawn_again.shape
    assert np.abs(enlarged - drawn_again).max() > 40  # sharp edges within what was one pixel


def test_axes_have_numbers_and_names_outside_of_the_plot(drawn):
    image = drawn.picture(400, 300).image()
    ground = image[-1, 0]
    left, below = image[20:-AXIS_HEIGHT, : AXIS_WIDTH - 6], image[-AXIS_HEIGHT + 6 :, AXIS_WIDTH:]
    for strip in (left, below):
        assert (strip != ground).any(axis=-1).sum() > 20


def test_the_legend_leaves_out_classes_that_are_hidden(drawn):
    both = svg_of(drawn)
    drawn.layer_stack.points.set_hidden({1})
    one = svg_of(drawn)
    assert (">cat<" in both, ">dog<" in both) == (True, True)
    assert (">cat<" in one, ">dog<" in one) == (True, False)


def svg_of(latent_map, **changes) -> str:
    return latent_map.picture(400, 300, 2.0).svg(**changes).decode()


def test_an_svg_has_one_raster_and_letters_and_shapes(drawn):
    drawn.set_path([[-1, 0], [1, 0.5]])
    text = svg_of(drawn, description='from "m"')
    assert text.count("<image") == 1
    assert text.count("<text") >= 8
    assert re.search(r"<path[^>]*d=", text)
    assert "from &quot;m&quot;" in text


def test_an_svg_has_the_size_in_pixels_that_the_picture_has(drawn):
    head = svg_of(drawn).partition("<title>")[0]
    assert '<svg width="800" height="600"' in head
    assert 'viewBox="0 0 400 300"' in head


@pytest.mark.parametrize(("name", "is_drawn"), [("z₂", True), ("a name that is wide", False)])
def test_a_number_is_drawn_beside_a_short_name_of_its_axis_and_not_over_a_long_one(drawn, name, is_drawn):
    drawn.set_axes_names("z₁", name)
    text = drawn.picture(400, 300, 1.0, ((-4, 4), (-3.1, 3.1))).svg().decode()
    assert (">3<" in text) == is_drawn  # the numbers of the other axis are even


def test_an_svg_is_drawn_by_another_reader_as_the_picture_is(drawn):
    picture = drawn.picture(400, 300, 1.0)
    picture.tiles = grey_tiles([[10, 60], [110, 160]])
    renderer = QSvgRenderer(QByteArray(picture.svg()))
    assert renderer.isValid()
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    rendered = np.frombuffer(image.constBits(), np.uint8).reshape(300, 400, 4)[..., 2::-1].astype(int)
    assert np.abs(rendered - picture.image()).mean() < 2


def test_dimming_that_was_measured_for_the_picture_is_drawn_with_its_scale(drawn):
    picture = drawn.picture(400, 400, 1.0, ((-4, 4), (-4, 4)))
    picture.tiles = grey_tiles([[200, 200], [200, 200]])
    before = picture.image()
    picture.set_distances(np.array([[0.0, 9.0]], np.float32), (-4, 4), (-4, 4), (1.0, 2.0))
    after = picture.image()
    assert after[300, 60].tolist() == before[300, 60].tolist()
    assert after[300, 380, 0] < 0.7 * before[300, 380, 0]
    assert ">distance to data<" in picture.svg().decode()


@pytest.mark.parametrize("marker", MARKERS)
def test_outlines_are_those_of_the_markers(marker):
    corners = outline(marker, 10.0)
    assert len(corners) >= 3
    assert 9 < np.hypot(*corners.T).max() < 14.5
