"""A picked data point commits its own latent, in any number of dimensions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentlab.controllers.explore import ExploreController
from latentlab.controllers.picking import CLICK_HINT, HINT, PickController
from latentlab.controllers.tool_hints import ToolHintController
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.latent_sliders import LatentSliders
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def latent_map(qtbot, session, undo, activity):
    latent_map, sliders = LatentMap(), LatentSliders()
    qtbot.addWidget(sliders)
    window = MainWindow(latent_map)
    explore = ExploreController(session, undo, latent_map, sliders, window)
    hints = ToolHintController(session, window, activity, is_first_start=False, parent=window)
    PickController(session, explore, latent_map, hints, window)
    yield latent_map
    window.allow_close()


@pytest.mark.parametrize("size", [1, 2, 3, 200])
def test_a_picked_point_gives_its_own_latent_and_undo_takes_it_back(latent_map, session, undo, size):
    session.set_model(model_info(size), 1, is_new_model=True)
    session.set_points(some_points(size))
    latent_map.pointPicked.emit(7, 1)
    np.testing.assert_array_equal(session.latent, session.points.mean[7])
    assert undo.count() == 1
    undo.undo()
    assert not session.latent.any()


def test_a_double_click_is_one_step(latent_map, session, undo):
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    latent_map.committed.emit(np.array([0.3, 0.2]), 5)
    latent_map.pointPicked.emit(7, 5)
    np.testing.assert_array_equal(session.latent, session.points.mean[7])
    assert undo.count() == 1


def test_the_point_about_to_be_picked_is_previewed_in_all_dimensions(latent_map, session):
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    latent_map.pointPreviewed.emit(4)
    np.testing.assert_array_equal(session.preview, session.points.mean[4])


def test_a_conditional_model_decodes_the_point_for_its_class(latent_map, session, undo):
    session.set_model(model_info(2, conditional=True, classes=("x", "a")), 1, is_new_model=True)
    session.set_points(some_points())  # of the dataset's class "a"
    latent_map.pointPicked.emit(0, 1)
    assert session.label == 1
    latent_map.committed.emit(np.array([0.3, 0.2]), 2)
    assert session.label == 1
    undo.undo()
    undo.undo()
    assert session.label == 0


def test_the_status_line_says_how_to_pick_while_a_point_is_at_the_pointer(latent_map, session, status):
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(replace(some_points(3), classes=("<b>cat</b>",)))
    latent_map.pointHovered.emit(0, False)
    assert status.message() == f"<b>cat</b>: {HINT}"
    latent_map.pointHovered.emit(0, True)
    assert status.message() == f"<b>cat</b>: {CLICK_HINT}"
    latent_map.pointHovered.emit(-1, False)
    assert status.message() == "Ready"


def test_an_index_without_a_point_is_ignored(latent_map, session, undo):
    latent_map.pointPicked.emit(0, 1)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3, count=5))
    latent_map.pointPicked.emit(5, 2)
    latent_map.pointPreviewed.emit(5)
    assert undo.count() == 0
    assert session.preview is None
