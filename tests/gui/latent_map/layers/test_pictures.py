"""Pictures at the points, as they are asked for, drawn and picked."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox

from latentlab.gui.latent_map.layers import thumbnails
from latentlab.gui.latent_map.layers.thumbnails import Thumbnails
from tests.gui.latent_map.conftest import at, child, only
from tests.gui.latent_map.test_tools import LEFT, Recorder, drag

POINTS = np.array([(-1.0, 0.1), (1.0, 0.6)])
RED, BLUE = (200, 10, 10), (10, 10, 200)


def picture(colour) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (1, 8, 8, 3)).copy()


@pytest.fixture
def with_pictures(latent_map, qtbot):
    """A map with two points, of which the pictures are wanted."""
    only(latent_map, "pictures")
    wanted = Recorder(latent_map.layer_stack.pictures.wanted)
    latent_map.set_points(POINTS)
    qtbot.waitUntil(lambda: bool(wanted.calls))
    assert sorted(wanted.calls[-1][0]) == [0, 1]
    return latent_map


def settled(widget, qtbot, look, z, colour) -> None:
    qtbot.waitUntil(lambda: np.abs(np.subtract(look(widget, z), colour)).max() <= 1)


def test_pictures_appear_at_their_points_and_are_replaced_without_a_gap(with_pictures, qtbot, colour_at):
    ground = colour_at(with_pictures, (1.0, 0.6))
    with_pictures.put_pictures(np.array([0]), picture(RED))
    settled(with_pictures, qtbot, colour_at, (-1.0, 0.1), RED)
    assert colour_at(with_pictures, (1.0, 0.6)) == ground
    wanted = Recorder(with_pictures.layer_stack.pictures.wanted)
    with_pictures.layer_stack.pictures.mark_stale()
    qtbot.waitUntil(lambda: bool(wanted.calls))
    assert 0 in wanted.calls[-1][0]
    assert colour_at(with_pictures, (-1.0, 0.1)) == RED, "until its successor has arrived"
    with_pictures.put_pictures(np.array([0]), picture(BLUE))
    settled(with_pictures, qtbot, colour_at, (-1.0, 0.1), BLUE)


def test_no_two_pictures_overlap_and_each_covers_its_point(latent_map, qtbot):
    only(latent_map, "pictures")
    xy = np.random.default_rng(0).uniform(-2, 2, (3000, 2))
    latent_map.set_points(xy)
    layer = latent_map.layer_stack.pictures
    latent_map.viewport().grab()
    placed = layer.placed
    assert len(placed.rows) > 10
    inside = placed.view.to_pixel(xy[placed.rows]) - placed.corners
    assert ((inside > -1e-3) & (inside < 40.001)).all()
    apart = np.abs(placed.corners[:, None] - placed.corners[None]).max(axis=2)
    assert apart[~np.eye(len(apart), dtype=bool)].min() > 39.9


def test_panning_keeps_the_points_that_have_pictures(latent_map):
    only(latent_map, "pictures")
    latent_map.set_points(np.random.default_rng(0).uniform(-6, 6, (20_000, 2)))
    layer = latent_map.layer_stack.pictures

    def seen() -> set[int]:
        latent_map.viewport().grab()
        return set(layer.placed.rows.tolist())

    before = seen()
    for _ in range(10):
        latent_map.view_box.pan(12, 5)
        now = seen()
        assert len(before & now) > 0.6 * len(before)
        view = layer.placed.view
        xy = latent_map.layer_stack.points.xy
        for row in before - now:  # only what has left the view is gone
            x, y = view.to_pixel(xy[row])
            assert not (0 < x < view.width_px and 0 < y < view.height_px)
        before = now


def test_a_click_on_a_picture_picks_its_point_and_a_drag_from_it_goes_on_freely(with_pictures, qtbot, colour_at):
    with_pictures.put_pictures(np.array([1]), picture(RED))
    settled(with_pictures, qtbot, colour_at, (1.0, 0.6), RED)
    picked, committed = Recorder(with_pictures.pointPicked), Recorder(with_pictures.committed)
    hovered = Recorder(with_pictures.pointHovered)
    QTest.mouseMove(with_pictures.viewport(), at(with_pictures, (1.05, 0.65)))
    assert hovered.calls == [(1, True)], "a click without Ctrl takes it"
    QTest.mouseClick(with_pictures.viewport(), LEFT, pos=at(with_pictures, (1.05, 0.65)))
    assert [index for index, _ in picked.calls] == [1]
    assert committed.calls == []
    drag(with_pictures, LEFT, at(with_pictures, (1.0, 0.6)), at(with_pictures, (0.0, 0.0)))
    assert [index for index, _ in picked.calls] == [1, 1]
    assert committed.calls[-1][1] == picked.calls[-1][1], "one gesture"
    QTest.mouseClick(with_pictures.viewport(), LEFT, pos=at(with_pictures, (-1.0, 0.1)))
    assert len(picked.calls) == 2, "a picture that has not arrived is not clicked"


def test_the_picture_at_the_pointer_is_enlarged(with_pictures, qtbot, colour_at):
    with_pictures.put_pictures(np.array([1]), picture(RED))
    settled(with_pictures, qtbot, colour_at, (1.0, 0.6), RED)
    beside = with_pictures.pixel_to_z(at(with_pictures, (1.0, 0.6)) + QPoint(60, -60))
    assert colour_at(with_pictures, beside) != RED
    QTest.mouseMove(with_pictures.viewport(), at(with_pictures, (1.0, 0.6)))
    settled(with_pictures, qtbot, colour_at, beside, RED)
    QTest.mouseMove(with_pictures.viewport(), at(with_pictures, (0.0, -2.0)))
    assert colour_at(with_pictures, beside) != RED


def test_only_selected_points_have_pictures_while_there_are_any(with_pictures, qtbot):
    wanted = Recorder(with_pictures.layer_stack.pictures.wanted)
    with_pictures.set_selection([1])
    qtbot.waitUntil(lambda: bool(wanted.calls))
    assert wanted.calls[-1][0].tolist() == [1]


def test_the_layer_panel_offers_what_can_be_shown_and_says_why_not(latent_map, qtbot):
    layer = latent_map.layer_stack.pictures
    choice, switch = (
        child(latent_map, QComboBox, "layerChoice_pictures"),
        child(latent_map, QCheckBox, "layerVisible_pictures"),
    )
    assert [choice.itemText(number) for number in range(choice.count())] == ["Real images", "Decoded images"]
    assert not choice.isEnabled()
    switch.setChecked(True)
    assert choice.isEnabled()
    layer.set_choice("decoded", {"real": "No images <b>are</b> open"})
    assert choice.currentData() == "decoded"
    assert not choice.model().item(0).isEnabled()
    with qtbot.waitSignal(layer.choiceEdited) as emitted:
        choice.activated.emit(1)
    assert emitted.args == ["decoded"]
    layer.set_unavailable("There are no points yet")
    assert not switch.isEnabled()
    assert switch.toolTip() == "There are no points yet"
    assert not layer.is_shown()
    layer.set_unavailable("")
    assert switch.isEnabled()


def test_the_oldest_thumbnails_make_room_and_none_is_mixed_up(monkeypatch):
    monkeypatch.setattr(thumbnails, "CAPACITY", 4)
    kept = Thumbnails(8, 1)
    for row in range(4):
        kept.put(row, np.full((8, 8), 10 * row, np.uint8))
    kept.keep([0])
    kept.put(9, np.full((8, 4), 90, np.uint8))
    assert 1 not in kept
    assert len(kept) == 4
    for row, grey in ((0, 0), (2, 20), (3, 30), (9, 90)):
        source = kept.source(row)
        assert kept.image.pixelColor(source.center()).red() == grey
    assert kept.source(9).size().toTuple() == (6, 10)


def test_large_and_small_pictures_are_scaled_to_their_slot():
    kept = Thumbnails(40, 2)
    kept.put(0, np.full((96, 48, 3), 7, np.uint8))
    kept.put(1, np.full((10, 10), 200, np.uint8))
    assert kept.source(0).size().toTuple() == (24, 44)
    assert kept.source(1).size().toTuple() == (44, 44)
    assert kept.image.pixelColor(kept.source(1).center()).getRgb() == (200, 200, 200, 255)
    framed = kept.framed(1, 0xFF0000FF)
    assert framed[0, 20] == framed[43, 43] == 0xFF0000FF
    assert framed[2, 2] == 0xFFC8C8C8
    assert kept.original(0).shape == (96, 48, 3)


def test_every_layer_that_is_unavailable_draws_nothing(latent_map, colour_at):
    only(latent_map, "points")
    latent_map.set_points([(0.0, 0.0)])
    drawn = colour_at(latent_map, (0.0, 0.0))
    latent_map.layer_stack.points.set_unavailable("not now")
    assert colour_at(latent_map, (0.0, 0.0)) != drawn
    (points,) = [layer for layer in latent_map.layers() if layer.name == "points"]
    assert points.visible, "its switch is as the user left it"
