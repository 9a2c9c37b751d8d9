"""The dimming far from data follows points, plane and view, and is of the current points alone."""

from __future__ import annotations

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QTimer

from latentlab.controllers.latent_map import MapController
from latentlab.controllers.plane_distance import PlaneDistanceController
from latentlab.engine.protocol.messages import MeasurePlane, PlaneMeasured
from latentlab.gui.latent_map import LatentMap
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def latent_map(qtbot, session, engine):
    latent_map = LatentMap()
    qtbot.addWidget(latent_map)
    MapController(session, engine, latent_map, latent_map)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    qtbot.waitUntil(lambda: engine.count(MeasurePlane) == 1)
    return latent_map


def answer(engine, typical: float = 0.1, version: int = 1, done: bool = True) -> None:
    request = engine.last(MeasurePlane)
    distance = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    engine.planeMeasured.emit(
        PlaneMeasured(request.generation, version, request.x_range, request.y_range, distance, 0.05, typical, done)
    )


def scale(latent_map) -> tuple[float, float] | None:
    return latent_map.layer_stack.trust.scale


def test_more_than_the_view_is_measured_on_the_plane_through_the_latent(latent_map, session, engine, qtbot):
    view, request = latent_map.view(), engine.last(MeasurePlane)
    assert request.x_range[0] < view.x_min < view.x_max < request.x_range[1]
    session.set_latent([0.0, 0.0, 2.0])
    qtbot.waitUntil(lambda: engine.last(MeasurePlane).axes.origin.tolist() == [0, 0, 2])
    latent_map.view_box.show_range((-1.0, 1.0), (-1.0, 1.0))
    qtbot.waitUntil(lambda: engine.last(MeasurePlane).x_range[1] < request.x_range[1])


def test_dimming_begins_where_the_cue_says_far_from_data(latent_map, engine):
    answer(engine, typical=0.1, done=False)
    assert scale(latent_map) == pytest.approx((0.15, 0.3))
    answer(engine, typical=0.01)
    assert scale(latent_map) == pytest.approx((0.015, 0.03)), "whatever the size of a cell"
    for typical in (float("inf"), 0.0):
        answer(engine)
        assert scale(latent_map) is not None
        answer(engine, typical=typical)
        assert scale(latent_map) is None


@pytest.mark.parametrize("change", ["axes", "points", "model"])
def test_honest_distances_of_something_else_are_removed_and_refused(latent_map, session, engine, change):
    answer(engine)
    match change:
        case "axes":
            session.set_axes(AxesChoice("z3", "z1"))
        case "points":
            session.set_points(None)
        case "model":
            session.set_model(model_info(3, name="other"), 2, is_new_model=True)
    assert scale(latent_map) is None
    answer(engine)
    assert scale(latent_map) is None


def test_nothing_is_measured_for_a_hidden_layer(latent_map, session, engine, qtbot):
    latent_map.set_layer_visible("trust", False)
    before = engine.count(MeasurePlane)
    session.set_latent([0.0, 0.0, 2.0])
    with qtbot.waitSignal(latent_map.viewChanged):  # later than a request would be
        latent_map.view_box.show_range((-1.0, 1.0), (-1.0, 1.0))
    assert engine.count(MeasurePlane) == before
    latent_map.set_layer_visible("trust", True)
    qtbot.waitUntil(lambda: engine.count(MeasurePlane) == before + 1)


def test_a_pending_request_ends_with_the_map(session, engine):
    latent_map = LatentMap()
    controller = PlaneDistanceController(engine, latent_map, session)
    latent_map.viewChanged.emit(latent_map.view())
    assert any(timer.isActive() for timer in controller.findChildren(QTimer))
    shiboken6.delete(latent_map)
    assert not any(timer.isActive() for timer in controller.findChildren(QTimer))
