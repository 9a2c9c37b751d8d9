"""The points, as seen in the map's pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from latentlab.gui.style.theme import DARK
from latentlab.utils.palettes import class_colours
from tests.gui.latent_map.conftest import at, child, only

LEFT = Qt.MouseButton.LeftButton


def test_points_lie_where_they_are_in_their_classes_colours(latent_map, colour_at):
    only(latent_map, "points")
    latent_map.set_points([(-1, 1), (1, -1)], [0, 1], ("a", "b"))
    near = [
        np.abs(np.array(colour_at(latent_map, z)) - class_colours(2)[k]).max() for k, z in enumerate([(-1, 1), (1, -1)])
    ]
    assert max(near) < 60  # nearly opaque over the background
    assert colour_at(latent_map, (1, 1)) == QColor(DARK.map).getRgb()[:3]


@pytest.mark.parametrize("count", [50, 5_000, 60_000, 300_000])
def test_no_point_is_dropped_at_any_number(latent_map, pixels_of, count):
    """Points on a coarse lattice of pixels: every one of them must be lit."""
    only(latent_map, "points")
    lattice = [(x, y) for x in np.linspace(-2, 2, 7) for y in np.linspace(-2, 2, 7)][:50]
    xy = np.array(lattice, np.float32)[np.arange(count) % len(lattice)]
    latent_map.set_points(xy, None, ())
    shown = pixels_of(latent_map).astype(int)
    background = np.array(QColor(DARK.map).getRgb()[:3])
    for point in lattice:
        pixel = at(latent_map, point)
        around = shown[pixel.y() - 1 : pixel.y() + 2, pixel.x() - 1 : pixel.x() + 2]
        assert np.abs(around - background).max() > 40


def test_a_pan_of_a_crowd_shows_the_points_where_they_are_at_once_and_when_the_view_rests(latent_map, pixels_of, qtbot):
    only(latent_map, "points")
    xy = np.random.default_rng(0).uniform(-5, 5, (600_000, 2)).astype(np.float32)
    latent_map.set_points(np.concatenate([xy, [(0, 0)]]), None, ())
    pixels_of(latent_map)
    latent_map.view_box.pan(150, 90)
    moved = pixels_of(latent_map)
    # The moved picture is redrawn once the view rests, and no longer changes.
    qtbot.waitUntil(lambda: not np.array_equal(pixels_of(latent_map), moved))
    moved, exact = ((picture[120:400, 80:380].max(axis=-1) > 60).mean() for picture in (moved, pixels_of(latent_map)))
    assert moved > 0.5 * exact > 0


def test_millions_of_points_are_shown_by_a_sample_until_all_are_drawn(latent_map, pixels_of, qtbot, monkeypatch):
    monkeypatch.setattr("latentlab.gui.latent_map.layers.rasterized.MOST_AT_ONCE", 100)
    monkeypatch.setattr("latentlab.gui.latent_map.layers.rasterized.SLICE_SECONDS", 0.0)
    only(latent_map, "points")
    xy = np.random.default_rng(0).uniform(-2, 2, (300_000, 2)).astype(np.float32)
    latent_map.set_points(xy, None, ())
    lit = [(pixels_of(latent_map).max(axis=-1) > 60).mean()]

    def is_complete() -> bool:
        lit.append((pixels_of(latent_map).max(axis=-1) > 60).mean())
        return lit[-1] > 0.2

    qtbot.waitUntil(is_complete)
    assert 0 < lit[0] < 0.1 * lit[-1]
    latent_map.set_selection(np.arange(0, 300_000, 3))  # drawn over the others, which are not drawn anew
    qtbot.waitUntil(lambda: not latent_map.layer_stack.selected_points.is_blank())


def test_hidden_classes_and_layers_vanish(latent_map, colour_at):
    only(latent_map, "points")
    latent_map.set_points([(-1, 1), (1, -1)], [0, 1], ("a", "b"))
    background = QColor(DARK.map).getRgb()[:3]
    QTest.mouseClick(child(latent_map, QAbstractButton, "legendClass0"), LEFT)
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


def test_labelled_points_are_drawn_over_the_others_which_are_dimmed(latent_map, colour_at):
    only(latent_map, "points")
    xy = np.array([(-1, 1), (1, -1), (-1, 1)], float)  # the last one is drawn last, over the first

    def seen(labelled_on_top: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
        latent_map.set_points(xy, [0, -1, -1], ("a",), unlabelled="not tagged", labelled_on_top=labelled_on_top)
        return colour_at(latent_map, (-1, 1)), colour_at(latent_map, (1, -1))

    covered, bright = seen(labelled_on_top=False)
    assert covered == bright
    on_top, dimmed = seen(labelled_on_top=True)
    assert on_top != covered
    assert sum(on_top) > 1.5 * sum(dimmed)
    latent_map.set_layer_visible("points", False)
    assert colour_at(latent_map, (-1, 1)) == colour_at(latent_map, (2, 2))


def test_dimming_keeps_a_class_marker(latent_map, pixels_of):
    only(latent_map, "points")
    latent_map.set_points([(0, 0), (2, 2)], [2, 0], ("a", "b", "c"))

    def lit() -> np.ndarray:
        position = at(latent_map, (0, 0))
        part = pixels_of(latent_map)[
            position.y() - 8 : position.y() + 9, position.x() - 8 : position.x() + 9, 1
        ].astype(int)
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


def test_a_turn_moves_the_points_from_where_they_were_and_tells_their_final_positions(latent_map, qtbot, monkeypatch):
    monkeypatch.setattr("latentlab.gui.latent_map.layers.points.animates", lambda: True)
    layer = latent_map.layer_stack.points
    latent_map.set_points([(-1.0, 0.0), (1.0, 0.0)])
    latent_map.set_points([(1.0, 1.0), (-1.0, 1.0)], is_turning=True)
    assert layer.xy.tolist() == [[1, 1], [-1, 1]]
    on_the_way = layer.tiles()
    assert on_the_way.y.max() < 0.9
    qtbot.waitUntil(lambda: layer.tiles().y.min() == 1.0)
    assert sorted(layer.tiles().x) == [-1, 1]
    latent_map.set_points([(0.0, 0.0)], is_turning=True)
    assert layer.tiles().x.tolist() == [0.0], "other points do not move"


def test_points_that_were_noted_are_only_taken_for_selected_if_they_are(latent_map):
    latent_map.set_points([(0.0, 0.0), (1.0, 1.0), (-1.0, 0.5), (0.5, -1.0)])
    points = latent_map.layer_stack.points
    order = points.tiles().order
    for noted, selected in (([0, 2], [0, 2]), ([0, 2], [1, 3]), ([0, 2], [1])):
        points.note(np.isin(order, noted), np.array(noted))
        points.set_selected(np.array(selected))
        assert points.is_selected().tolist() == np.isin(order, selected).tolist()
