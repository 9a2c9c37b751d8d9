"""What the map shows: looked at through its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QPalette

from latentlab.errors import InputError
from latentlab.gui.colours import DARK, LIGHT, class_colours
from tests.gui.latent_map.conftest import at

RANGE = (-2.0, 2.0)


def only(latent_map, *names: str) -> None:
    """Show these layers alone, opaque."""
    for layer in latent_map.layers():
        latent_map.set_layer_visible(layer.name, layer.name in names)
        latent_map.set_layer_opacity(layer.name, 1.0)


def quarters(grey: tuple[int, int, int, int]) -> np.ndarray:
    """A picture of four even quarters: upper left, upper right, lower left, lower right."""
    return np.array(grey, np.uint8).reshape(2, 2).repeat(8, 0).repeat(8, 1)


def test_a_whole_manifold_lies_upright_in_its_ranges(latent_map, colour_at):
    only(latent_map, "manifold")
    latent_map.set_manifold(quarters((40, 80, 120, 160)), RANGE, RANGE)
    shown = [colour_at(latent_map, z)[0] for z in ((-1, 1), (1, 1), (-1, -1), (1, -1))]
    assert shown == [40, 80, 120, 160]
    assert colour_at(latent_map, (2.5, 0)) == QColor(DARK.background).getRgb()[:3]
    latent_map.set_manifold(None, RANGE, RANGE)
    assert colour_at(latent_map, (1, 1)) == QColor(DARK.background).getRgb()[:3]


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


def test_what_stood_stays_until_it_is_covered_and_late_tiles_are_passed_over(latent_map, colour_at, qtbot):
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


def test_points_lie_where_they_are_in_their_classes_colours(latent_map, colour_at):
    only(latent_map, "points")
    latent_map.set_points([(-1, 1), (1, -1)], [0, 1], ("a", "b"))
    near = [
        np.abs(np.array(colour_at(latent_map, z)) - class_colours(2)[k]).max() for k, z in enumerate([(-1, 1), (1, -1)])
    ]
    assert max(near) < 60  # nearly opaque over the background
    assert colour_at(latent_map, (1, 1)) == QColor(DARK.background).getRgb()[:3]


@pytest.mark.parametrize("count", [50, 5_000, 60_000, 300_000])
def test_no_point_is_dropped_at_any_number(latent_map, pixels_of, count):
    """Points on a coarse lattice of pixels: every one of its places must be lit."""
    only(latent_map, "points")
    places = [(x, y) for x in np.linspace(-2, 2, 7) for y in np.linspace(-2, 2, 7)][:50]
    xy = np.array(places, np.float32)[np.arange(count) % len(places)]
    latent_map.set_points(xy, None, ())
    shown = pixels_of(latent_map).astype(int)
    background = np.array(QColor(DARK.background).getRgb()[:3])
    for place in places:
        pixel = at(latent_map, place)
        around = shown[pixel.y() - 1 : pixel.y() + 2, pixel.x() - 1 : pixel.x() + 2]
        assert np.abs(around - background).max() > 40


def test_a_pan_of_a_crowd_shows_the_points_where_they_are_at_once_and_after_rest(latent_map, pixels_of, qtbot):
    only(latent_map, "points")
    xy = np.random.default_rng(0).uniform(-5, 5, (600_000, 2)).astype(np.float32)
    latent_map.set_points(np.concatenate([xy, [(0, 0)]]), None, ())
    pixels_of(latent_map)
    latent_map.box.pan(150, 90)
    moved = pixels_of(latent_map)
    # The picture that was moved is drawn again when the hand has rested: then it no longer changes.
    qtbot.waitUntil(lambda: not np.array_equal(pixels_of(latent_map), moved))
    moved, exact = ((picture[120:400, 80:380].max(axis=-1) > 60).mean() for picture in (moved, pixels_of(latent_map)))
    assert moved > 0.5 * exact > 0


def test_hidden_classes_and_layers_vanish(latent_map, colour_at):
    only(latent_map, "points")
    latent_map.set_points([(-1, 1), (1, -1)], [0, 1], ("a", "b"))
    background = QColor(DARK.background).getRgb()[:3]
    latent_map.set_classes_shown({1})
    assert colour_at(latent_map, (-1, 1)) == background
    assert colour_at(latent_map, (1, -1)) != background
    latent_map.set_layer_visible("points", False)
    assert colour_at(latent_map, (1, -1)) == background


def test_a_selection_stands_out(latent_map, colour_at):
    only(latent_map, "points")
    latent_map.set_points([(-1, 1), (1, -1)], [0, 0], ("a",))
    latent_map.set_selection([1])
    chosen, other = (sum(colour_at(latent_map, z)) for z in ((1, -1), (-1, 1)))
    assert chosen > 1.5 * other


def test_dimming_keeps_a_class_marker(latent_map, pixels_of):
    only(latent_map, "points")
    latent_map.set_points([(0, 0), (2, 2)], [2, 0], ("a", "b", "c"))

    def lit() -> np.ndarray:
        place = at(latent_map, (0, 0))
        part = pixels_of(latent_map)[place.y() - 8 : place.y() + 9, place.x() - 8 : place.x() + 9, 1].astype(int)
        return part > part.min() + 0.5 * np.ptp(part)

    bright = lit()
    latent_map.set_selection([1])
    assert (lit() == bright).mean() > 0.95


def test_points_that_are_not_finite_do_no_harm(latent_map, colour_at):
    only(latent_map, "points", "trust", "density", "manifold")
    latent_map.set_points([(np.nan, 0), (1, -1), (np.inf, 2)], None, ())
    latent_map.fit_to_points()
    view = latent_map.view()
    assert view.x_min < 1 < view.x_max
    latent_map.set_points([(np.nan, 0)], None, ())
    latent_map.set_points(None, None, ())
    latent_map.fit_to_points()
    assert latent_map.view().x_min < -2


def test_fit_shows_every_point(latent_map):
    latent_map.set_points([(-12, 3), (5, 40)], None, ())
    latent_map.fit_to_points()
    view = latent_map.view()
    assert view.x_min < -12
    assert view.x_max > 5
    assert view.y_min < 3
    assert view.y_max > 40


@pytest.mark.parametrize("grey", [0, 255])
def test_the_cursor_shows_on_dark_and_on_light(latent_map, pixels_of, grey):
    latent_map.set_manifold(np.full((4, 4), grey, np.uint8), RANGE, RANGE)
    before = pixels_of(latent_map).astype(int)
    latent_map.set_cursor((0.5, 0.5))
    after = pixels_of(latent_map).astype(int)
    place = at(latent_map, (0.5, 0.5))
    around = (slice(place.y() - 12, place.y() + 12), slice(place.x() - 12, place.x() + 12))
    assert (np.abs(after - before)[around].max(axis=-1) > 100).sum() > 40
    latent_map.set_cursor(None)
    np.testing.assert_array_equal(pixels_of(latent_map), before)


def test_preview_path_and_posterior_are_drawn_and_taken_away(latent_map, pixels_of):
    empty = pixels_of(latent_map)
    for show, hide in (
        (lambda: latent_map.set_preview((1, 1)), lambda: latent_map.set_preview(None)),
        (lambda: latent_map.set_path([(-1, -1), (1, 1)]), lambda: latent_map.set_path(None)),
        (lambda: latent_map.set_posterior((0, 1), np.diag([0.04, 0.25])), lambda: latent_map.set_posterior(None)),
    ):
        show()
        assert (pixels_of(latent_map) != empty).any()
        hide()
        np.testing.assert_array_equal(pixels_of(latent_map), empty)


def test_the_posterior_reaches_as_far_as_its_deviations(latent_map, pixels_of):
    empty = pixels_of(latent_map)
    latent_map.set_posterior((0.0, 0.0), np.diag([0.04, 0.25]))
    rows, columns = np.nonzero((pixels_of(latent_map) != empty).any(axis=-1))
    scale = latent_map.view().scale
    across, down = np.ptp(columns) / scale, np.ptp(rows) / scale
    assert across == pytest.approx(2 * 2.45 * 0.2, abs=0.12)
    assert down == pytest.approx(2 * 2.45 * 0.5, abs=0.12)


def test_a_density_is_brightest_where_it_is_highest(latent_map, colour_at):
    only(latent_map, "density")
    density = np.zeros((4, 4))
    density[0, 3] = 1.0
    latent_map.set_density(density, RANGE, RANGE)
    assert sum(colour_at(latent_map, (1.8, 1.8))) > 300
    assert sum(colour_at(latent_map, (-1.5, -1.5))) < 100
    latent_map.set_density(None)
    assert sum(colour_at(latent_map, (1.8, 1.8))) < 100


def test_the_veil_darkens_the_manifold_only_far_from_points(qtbot, latent_map, colour_at):
    only(latent_map, "manifold", "trust")
    latent_map.set_manifold(np.full((4, 4), 200, np.uint8), (-9.0, 9.0), (-9.0, 9.0))
    latent_map.set_points(np.random.default_rng(0).normal(size=(500, 2)) * 0.3, None, ())
    qtbot.waitUntil(lambda: colour_at(latent_map, (3, -2.5))[0] < 120)
    assert colour_at(latent_map, (0, 0))[0] == 200


def test_the_theme_follows_the_palette_unless_it_is_set(qtbot, colour_at):
    from latentlab.gui.latent_map import LatentMap

    widget = LatentMap()
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    palette = QPalette()
    for theme in (DARK, LIGHT):
        palette.setColor(QPalette.ColorRole.Window, QColor(theme.background))
        widget.setPalette(palette)
        assert colour_at(widget, (0.5, 0.5)) == QColor(theme.background).getRgb()[:3]
    widget.set_theme(dark=True)
    assert colour_at(widget, (0.5, 0.5)) == QColor(DARK.background).getRgb()[:3]
