"""Quantities at every place of the map: colours, scales, and the value at the pointer."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QWidget

from latentlab.utils.palettes import cividis, class_colours
from tests.gui.latent_map.conftest import at, child, only

RANGES = (-3.0, 3.0), (-3.0, 3.0)


def cells_of(columns: int, rows: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)


def show(latent_map, qtbot, name: str, values: np.ndarray, shares: np.ndarray | None = None):
    """Fill a layer with these values [rows, columns], the first row lowest."""
    layer = latent_map.layer_stack.fields[name]
    rows, columns = values.shape
    layer.begin(*RANGES, columns, rows, 1)
    if shares is not None:
        layer.put_shares(1, cells_of(columns, rows), 1, shares.ravel())
    with qtbot.waitSignal(layer.valuesChanged):
        layer.put(1, cells_of(columns, rows), 1, values.ravel())
    return layer


def test_colours_follow_the_logarithm_of_the_magnification(latent_map, qtbot, colour_at):
    only(latent_map, "magnification")
    layer = show(latent_map, qtbot, "magnification", np.repeat([[1.0], [10.0], [100.0]], 3, axis=1))
    low, high = layer.scale
    assert (low, high) == (pytest.approx(1.0), pytest.approx(100.0))
    for y, share in ((-2.5, 0.0), (0.0, 0.5), (2.5, 1.0)):
        qtbot.waitUntil(
            lambda y=y, share=share: np.abs(np.subtract(colour_at(latent_map, (0, y)), cividis(share))).max() <= 3.0
        )


def test_a_value_is_read_where_it_was_put_and_the_scale_is_written(latent_map, qtbot):
    only(latent_map, "round_trip")
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    layer = show(latent_map, qtbot, "round_trip", values)
    for row in range(3):
        for column in range(4):
            xy = (-3 + 6 * (column + 0.5) / 4, -3 + 6 * (row + 0.5) / 3)
            assert layer.value_at(xy) == values[row, column]
    assert layer.value_at((3.5, 0)) is None
    scale = child(latent_map, QWidget, "round_tripScale")
    assert scale.isVisible()
    assert scale.texts() == ("0.11", "10.9")  # percentiles 1 and 99
    latent_map.set_layer_visible("round_trip", False)
    assert not scale.isVisible()


def test_the_pointer_reads_all_visible_layers(latent_map, qtbot):
    only(latent_map, "magnification", "uncertainty", "trust")
    show(latent_map, qtbot, "magnification", np.full((2, 2), 12.345))
    show(latent_map, qtbot, "uncertainty", np.full((2, 2), 7.0))
    latent_map.set_distances(np.full((2, 2), 0.25, np.float32), *RANGES, (1.0, 2.0))
    note = child(latent_map, QLabel, "mapReadOut")
    assert not note.isVisible()
    qtbot.mouseMove(latent_map.viewport(), at(latent_map, (1, 1)))
    qtbot.waitUntil(note.isVisible)
    assert note.text() == "magnification 12.3  ·  Σσ 7  ·  distance to data 0.25"
    latent_map.view_box.hovered.emit(None, Qt.KeyboardModifier.NoModifier)
    qtbot.waitUntil(lambda: not note.isVisible())


def test_the_value_at_the_pointer_follows_new_values(latent_map, qtbot):
    only(latent_map, "round_trip")
    show(latent_map, qtbot, "round_trip", np.full((2, 2), 1.0))
    note = child(latent_map, QLabel, "mapReadOut")
    qtbot.mouseMove(latent_map.viewport(), at(latent_map, (1, 1)) + QPoint(1, 0))
    qtbot.waitUntil(lambda: note.text() == "round trip 1")
    show(latent_map, qtbot, "round_trip", np.full((2, 2), 2.0))
    assert note.text() == "round trip 2"


def test_what_is_shown_stays_until_the_new_cells_cover_it(latent_map, qtbot):
    only(latent_map, "round_trip")
    layer = show(latent_map, qtbot, "round_trip", np.full((4, 4), 1.0))
    layer.begin(*RANGES, 4, 4, 2)
    layer.put(1, cells_of(4, 4), 1, np.full(16, 9.0))
    layer.put(2, np.array([[0, 0], [2, 0], [0, 2]]), 2, np.full(3, 5.0))
    assert layer.value_at((-2, -2)) == 1.0
    with qtbot.waitSignal(layer.valuesChanged):
        layer.put(2, np.array([[2, 2]]), 2, np.full(1, 6.0))
    assert (layer.value_at((-2, -2)), layer.value_at((2, 2))) == (5.0, 6.0)
    layer.clear()
    assert layer.value_at((-2, -2)) is None
    assert layer.scale is None


def test_values_that_are_not_finite_are_clear(latent_map, qtbot, colour_at):
    only(latent_map)
    ground = colour_at(latent_map, (-2, 0))
    only(latent_map, "round_trip")
    layer = show(latent_map, qtbot, "round_trip", np.array([[np.nan, np.nan, 1.0, 2.0]]))
    assert layer.value_at((-2, 0)) is None
    assert colour_at(latent_map, (-2.8, 0)) == ground


def test_classes_have_the_colours_of_the_legend_and_their_names(latent_map, qtbot, colour_at):
    only(latent_map, "classes")
    values = np.repeat([[0.0] * 4 + [2.0] * 4], 8, axis=0)
    latent_map.layer_stack.classes.set_names(["cats", "dogs", "birds"])
    layer = show(latent_map, qtbot, "classes", values, np.full((8, 8), 0.8, np.float32))
    colours = class_colours(3, dark=True).astype(int)
    for x, number in ((-2.5, 0), (2.5, 2)):
        seen = np.array(colour_at(latent_map, (x, 2.5)))
        distance = [np.abs(seen / max(seen.max(), 1) - colour / colour.max()).sum() for colour in colours]
        assert int(np.argmin(distance)) == number
    assert layer.read_out((-2.5, 2.5)) == "class cats (80 % of nearest)"
    assert layer.read_out((2.5, 2.5)) == "class birds (80 % of nearest)"
    on_boundary, beside = colour_at(latent_map, (0, 2.5)), colour_at(latent_map, (0.6, 2.5))
    assert sum(on_boundary) > sum(beside) + 100


def test_density_is_in_images_for_each_square_unit(latent_map, qtbot):
    only(latent_map, "density")
    random = np.random.default_rng(0)
    latent_map.set_points(random.uniform(-2, 2, (40_000, 2)))
    scale = child(latent_map, QWidget, "densityScale")
    qtbot.waitUntil(scale.isVisible)
    text = latent_map.layer_stack.density.read_out((0, 0))
    assert float(text.removeprefix("density ")) == pytest.approx(40_000 / 16, rel=0.1)
