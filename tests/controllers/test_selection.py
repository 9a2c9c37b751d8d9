"""Selecting images on the map: the session, undo, and what the map shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget

from latentlab.controllers.latent_map import MapController
from latentlab.controllers.selection import SelectionController
from latentlab.gui.latent_map import LatentMap
from latentlab.state.selection import Selection
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def latent_map(qtbot, session, engine):
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(), 1, is_new_model=True)
    session.set_points(replace(some_points(), fingerprint="f"))
    return latent_map


@pytest.fixture
def selection(session, undo, latent_map, activity) -> SelectionController:
    return SelectionController(session, undo, latent_map, activity, latent_map)


def drawn(latent_map: LatentMap) -> list[int]:
    """Rows of the points that are drawn as selected."""
    tiles = latent_map.layer_stack.selected_points.tiles()
    return sorted(tiles.order.tolist())


def choose(latent_map: QWidget, *rows: int, mode: str = "replace", how: str = "lasso") -> None:
    latent_map.pointsSelected.emit(np.array(rows, np.int64), mode, how)


def test_points_are_selected_added_taken_away_and_each_is_undone(latent_map, selection, session, undo):
    latent = session.latent
    choose(latent_map, 3, 1)
    choose(latent_map, 3, 7, mode="add")
    choose(latent_map, 1, 9, mode="subtract")
    assert session.selection.images.tolist() == [3, 7] == drawn(latent_map)
    assert np.array_equal(session.latent, latent), "selecting is no move"
    seen = []
    while undo.canUndo():
        undo.undo()
        seen.append(drawn(latent_map))
    assert seen == [[1, 3, 7], [1, 3], []]
    assert session.selection is None
    undo.redo()
    assert drawn(latent_map) == [1, 3]


def test_a_gesture_that_changes_nothing_is_no_step(latent_map, selection, undo):
    choose(latent_map)
    choose(latent_map, 5, mode="subtract")
    choose(latent_map, mode="add")
    assert not undo.canUndo()
    choose(latent_map, 5)
    choose(latent_map, 5, mode="add")
    assert undo.count() == 1


def test_all_none_and_the_others(latent_map, selection, session):
    selection.select_all()
    assert len(session.selection) == 50
    choose(latent_map, 0, 1)
    selection.invert()
    assert session.selection.images.tolist() == list(range(2, 50))
    selection.clear()
    assert session.selection is None
    selection.invert()
    assert len(session.selection) == 50


def test_the_same_images_stay_selected_when_their_points_move(latent_map, selection, session):
    choose(latent_map, 4, 6)
    later = replace(some_points(version=2), fingerprint="f", mean=some_points().mean[::-1], index=np.arange(50)[::-1])
    session.set_points(later)
    assert session.selection.images.tolist() == [4, 6]
    assert drawn(latent_map) == [43, 45]


def test_images_of_another_dataset_are_no_longer_selected(latent_map, selection, session):
    choose(latent_map, 4, 6)
    session.set_points(replace(some_points(version=2), fingerprint="other"))
    assert session.selection is None
    assert drawn(latent_map) == []


def test_hidden_classes_keep_their_rows_apart_from_those_that_are_drawn(latent_map, selection, session):
    points = replace(some_points(), fingerprint="f", label=np.arange(50) % 2, classes=("a", "b"))
    session.set_points(points)
    latent_map.layer_stack.points.set_hidden([0])
    session.set_selection(Selection(np.array([2, 3, 5]), "f"))
    layer = latent_map.layer_stack.points
    selected = layer.rows(np.flatnonzero(layer.is_selected()))
    assert sorted(selected.tolist()) == [3, 5]
