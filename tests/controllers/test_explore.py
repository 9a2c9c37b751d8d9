"""Gestures become undoable moves of the session's latent, which the widgets show."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QUndoCommand
from PySide6.QtWidgets import QToolButton

from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.prior import PriorController
from latentlab.engine.protocol.messages import DrawLatent, LatentDrawn
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.latent_map.widget import FOLLOW_MARGIN
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def parts(qtbot, session, engine, undo):
    latent_map, sliders = LatentMap(), LatentSliders()
    for widget in (latent_map, sliders):
        qtbot.addWidget(widget)
    controller = ExploreController(session, undo, latent_map, sliders)
    MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(3), 1, is_new_model=True)
    return controller, latent_map, sliders


def test_a_drag_is_one_undo_step(parts, session, undo):
    _, latent_map, _ = parts
    for x in (0.1, 0.2, 0.3):
        latent_map.committed.emit(np.array([x, 1.0]), 7)
    latent_map.committed.emit(np.array([-1.0, 0.0]), 8)
    assert undo.count() == 2
    undo.undo()
    np.testing.assert_allclose(session.latent, [0.3, 1.0, 0.0], atol=1e-6)
    undo.undo()
    assert session.latent.tolist() == [0, 0, 0]


def test_a_long_drag_keeps_one_command(parts, undo):
    def alive() -> int:
        gc.collect()
        return sum(isinstance(each, QUndoCommand) for each in gc.get_objects())

    _, latent_map, _ = parts
    before = alive()
    for number in range(50):
        latent_map.committed.emit(np.array([0.01 * number, 1.0]), 7)
    assert undo.count() == 1
    assert alive() == before + 1


def test_a_gesture_that_goes_on_after_undo_is_a_step_of_its_own(parts, session, undo):
    _, latent_map, _ = parts
    latent_map.committed.emit(np.array([0.1, 1.0]), 7)
    latent_map.committed.emit(np.array([0.2, 1.0]), 8)
    undo.undo()
    latent_map.committed.emit(np.array([0.3, 1.0]), 7)
    assert undo.count() == 2
    undo.undo()
    np.testing.assert_allclose(session.latent, [0.1, 1.0, 0.0], atol=1e-6)


def test_sliders_move_any_dimension_and_follow_the_map(parts, session, undo):
    _, latent_map, sliders = parts
    sliders.valueEdited.emit(2, 1.5, 1)
    assert session.latent.tolist() == [0, 0, 1.5]
    latent_map.committed.emit(np.array([0.5, -0.5]), 1)
    assert session.latent.tolist() == [0.5, -0.5, 1.5]
    slider = sliders.findChild(object, "latentSlider1")
    assert slider.value() == pytest.approx(-0.5, abs=0.02)
    assert undo.count() == 2


def test_the_map_follows_a_slider_out_of_its_view_as_far_as_needed(parts, session, undo):
    _, latent_map, sliders = parts
    before = latent_map.view()
    sliders.valueEdited.emit(0, 1.0, 1)
    assert latent_map.view() == before
    sliders.valueEdited.emit(0, before.x_max + 2.0, 1)
    view = latent_map.view()
    assert view.y_range == before.y_range
    assert view.x_max - FOLLOW_MARGIN / view.scale == pytest.approx(before.x_max + 2.0)
    sliders.valueEdited.emit(2, 1.0, 2)
    assert latent_map.view() == view, "along no axis of the map"


def test_hovering_previews_and_leaving_restores(parts, session):
    _, latent_map, _ = parts
    latent_map.hovered.emit(np.array([1.0, 1.0]))
    assert session.preview.tolist() == [1, 1, 0]
    assert session.latent.tolist() == [0, 0, 0]
    latent_map.hovered.emit(None)
    assert session.preview is None


def test_reset_goes_back_to_the_origin(parts, session):
    _, _, sliders = parts
    session.set_latent([1, 2, 3])
    sliders.resetRequested.emit(0)
    assert session.latent.tolist() == [0, 2, 3]
    sliders.resetRequested.emit(-1)
    assert session.latent.tolist() == [0, 0, 0]


def test_a_lock_is_undone(parts, session, undo):
    _, _, sliders = parts
    padlock = sliders.findChild(QToolButton, "latentLock1")
    padlock.click()
    undo.undo()
    assert session.locked == frozenset()
    assert not padlock.isChecked()
    undo.redo()
    assert session.locked == {1}
    assert padlock.isChecked()
    assert undo.count() == 1


def test_every_gesture_on_the_path_is_one_undo_step(parts, session, undo):
    _, latent_map, _ = parts
    latent_map.pathEdited.emit(np.array([(0.0, 0.0)]), np.array([-1]), 1)
    for x in (1.0, 2.0, 3.0):
        sources = np.array([0, -1 if x == 1 else 1])
        latent_map.pathEdited.emit(np.array([(0.0, 0.0), (x, 1.0)]), sources, 2)
    latent_map.pathEdited.emit(np.zeros((0, 2)), np.zeros(0, np.int64), 3)
    assert len(session.path) == 0
    undo.undo()
    assert session.path.tolist() == [[0, 0, 0], [3, 1, 0]]
    undo.undo()
    assert session.path.tolist() == [[0, 0, 0]]
    undo.undo()
    assert session.path is None


def test_waypoints_keep_what_the_map_does_not_show(parts, session, undo):
    """The second waypoint lies off the plane through the latent: it is moved along the plane, or left as it is."""
    _, latent_map, _ = parts
    kept = np.array([(0.1, 0.2, 0.3), (1.0, 1.0, -2.0)], np.float32)
    session.set_path(kept)
    points = np.array([(0.1, 0.2), (2.0, 1.5), (0.5, 0.5)])
    latent_map.pathEdited.emit(points, np.array([0, 1, -1]), 1)
    np.testing.assert_allclose(session.path, [kept[0], (2.0, 1.5, -2.0), (0.5, 0.5, 0.0)], atol=1e-6)
    np.testing.assert_array_equal(session.path[0], kept[0])
    latent_map.pathEdited.emit(points[[2, 1]], np.array([2, 1]), 2)
    np.testing.assert_allclose(session.path, [(0.5, 0.5, 0.0), (2.0, 1.5, -2.0)], atol=1e-6)
    undo.undo()
    undo.undo()
    np.testing.assert_array_equal(session.path, kept)


def test_honest_no_lock_outlives_its_model_and_the_padlocks_show_the_session(parts, session, engine):
    controller, _, sliders = parts
    PriorController(session, engine, controller, sliders, controller)
    padlock = sliders.findChild(QToolButton, "latentLock1")
    padlock.click()
    assert session.locked == {1}
    session.set_model(model_info(3, name="another"), 2, is_new_model=True)
    assert session.locked == frozenset()
    assert not padlock.isChecked()
    sliders.sampleRequested.emit(-1)
    engine.latentDrawn.emit(LatentDrawn(engine.last(DrawLatent).generation, 2, np.full(3, 0.5, np.float32)))
    assert session.latent.tolist() == [0.5, 0.5, 0.5]


def test_honest_newer_weights_of_the_same_model_keep_lock_and_padlock(parts, session):
    _, _, sliders = parts
    padlock = sliders.findChild(QToolButton, "latentLock1")
    padlock.click()
    session.set_model(model_info(3), 2, is_new_model=False)
    assert session.locked == {1}
    assert padlock.isChecked()


def test_honest_a_lock_restored_with_the_model_is_shown_closed(qtbot, session, undo):
    sliders, latent_map = LatentSliders(), LatentMap()
    for widget in (sliders, latent_map):
        qtbot.addWidget(widget)
    # A restored session locks as soon as it hears of the model, before or after the sliders are built.
    session.modelChanged.connect(lambda _new: session.set_locked(2, True))
    controller = ExploreController(session, undo, latent_map, sliders)
    session.set_model(model_info(3), 1, is_new_model=True)
    assert session.locked == {2}
    assert sliders.findChild(QToolButton, "latentLock2").isChecked()
    del controller


def test_without_a_model_nothing_moves(qtbot, session, undo):
    latent_map, sliders = LatentMap(), LatentSliders()
    for widget in (latent_map, sliders):
        qtbot.addWidget(widget)
    controller = ExploreController(session, undo, latent_map, sliders)
    latent_map.hovered.emit(np.array([1.0, 1.0]))
    latent_map.committed.emit(np.array([1.0, 1.0]), 1)
    controller.go_to(np.zeros(2, np.float32))
    assert undo.count() == 0
    assert session.preview is None


def test_honest_cursor_follows_the_components_of_new_points(parts, session, monkeypatch):
    """*Honest*: the cursor stands on the plane that the new points are projected onto."""
    _, latent_map, _ = parts
    positions = []
    monkeypatch.setattr(latent_map, "set_cursor", positions.append)
    session.set_points(some_points(3))
    session.set_axes(AxesChoice("pc1", "pc2"))
    session.set_latent([1, 2, 0])
    np.testing.assert_allclose(positions[-1], [1, 2])
    swapped = np.eye(3, dtype=np.float32)[[1, 0, 2]]
    session.set_points(replace(some_points(3), components=swapped))
    np.testing.assert_allclose(positions[-1], [2, 1])
