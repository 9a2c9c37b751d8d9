"""Layouts as axes of the map: for selecting and picking; what lies between points is not shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from latentlab.controllers import model as model_controller
from latentlab.controllers.embedding import EmbeddingController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.latent_map import MapController
from latentlab.controllers.model import ModelController
from latentlab.engine.protocol.messages import (
    Axes,
    DecodeGrid,
    Embed,
    Embedded,
    Failed,
    LayoutSurface,
    MeasureFields,
)
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.latent_sliders import LatentSliders
from latentlab.gui.panels.model import ModelPanel
from latentlab.state.field_reasons import NO_PLANE, NO_TERRAIN
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points

TSNE = AxesChoice("tsne1", "tsne2")


class Parts:
    def __init__(self, qtbot, session, engine, undo, activity) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.sliders, self.map, self.panel = LatentSliders(self.window), LatentMap(self.window), ModelPanel(self.window)
        ExploreController(session, undo, self.map, self.sliders, self.window)
        EmbeddingController(session, engine, activity, self.window)
        MapController(session, engine, self.map, self.window)
        ModelController(session, engine, undo, self.panel, self.window)

    def state(self, name: str):
        return self.map.layer_stack[name].state()


@pytest.fixture
def parts(qtbot, session, engine, undo, activity, monkeypatch):
    monkeypatch.setattr(model_controller, "_missing", lambda method: "" if method == "tsne" else "Needs umap-learn")
    parts = Parts(qtbot, session, engine, undo, activity)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    return parts


def laid_out(engine, session, positions, done=True, fraction=1.0, **error) -> None:
    request = engine.last(Embed)
    version = session.points.model_version
    engine.embedded.emit(Embedded(request.generation, version, request.method, positions, fraction, done, **error))


POSITIONS = np.random.default_rng(5).standard_normal((50, 2)).astype(np.float32)


def test_choosing_a_layout_for_one_axis_takes_both_and_can_be_undone(parts, session, engine, undo):
    parts.panel.axesChosen.emit("tsne1", "z2")
    assert session.axes == TSNE
    assert engine.last(Embed).method == "tsne"
    assert parts.window.findChild(QComboBox, "yAxis").currentText() == "t-SNE"
    undo.undo()
    assert session.axes == AxesChoice("z1", "z2")
    assert engine.last(Embed).method == "", "the layout is ended"
    session.set_axes(TSNE)
    parts.panel.axesChosen.emit("tsne1", "z3")
    assert session.axes == AxesChoice("z1", "z3")


def test_the_points_stay_until_there_is_a_layout_and_follow_it(parts, session, engine):
    before = parts.map.layer_stack.points.xy.copy()
    session.set_axes(TSNE)
    np.testing.assert_array_equal(parts.map.layer_stack.points.xy, before)
    laid_out(engine, session, POSITIONS, done=False, fraction=0.25)
    np.testing.assert_array_equal(parts.map.layer_stack.points.xy, POSITIONS)
    view = parts.map.view()
    laid_out(engine, session, 2 * POSITIONS, done=False, fraction=0.5)
    np.testing.assert_array_equal(parts.map.layer_stack.points.xy, 2 * POSITIONS)
    assert parts.map.view().x_max > view.x_max, "the whole layout is in view"
    parts.map.view_box.zoom(2.0, (0, 0))
    view = parts.map.view()
    laid_out(engine, session, 3 * POSITIONS, done=False, fraction=0.75)
    assert parts.map.view() == view, "until the user has moved it"
    session.set_axes(AxesChoice("z1", "z2"))
    np.testing.assert_array_equal(parts.map.layer_stack.points.xy, before)


def test_what_lies_between_the_points_is_greyed_and_the_map_says_why(parts, session, engine):
    session.set_axes(TSNE)
    for name in ("manifold", "trust", "posterior", "path", "round_trip", "assignment"):
        assert "t-SNE" in parts.state(name).unavailable
    assert parts.state("points").unavailable == ""
    note = parts.window.findChild(QLabel, "mapView")
    assert note.text() == "t-SNE: for selecting; distances between groups mean little"
    requested = engine.count(DecodeGrid)
    session.set_latent([0, 0, 1])
    assert engine.count(DecodeGrid) == requested, "there is no plane to decode"
    session.set_axes(AxesChoice("pc1", "pc2"))
    assert parts.state("manifold").unavailable == ""
    assert note.text() == ""


def test_marks_are_at_the_point_with_their_latent_or_nowhere(parts, session, engine, monkeypatch):
    cursors = []
    monkeypatch.setattr(parts.map, "set_cursor", cursors.append)
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS)
    session.set_latent(session.points.mean[7])
    np.testing.assert_array_equal(cursors[-1], POSITIONS[7])
    session.set_latent([9, 9, 9])
    assert cursors[-1] is None


def test_nothing_but_points_can_be_chosen_on_a_layout(parts, session, engine, undo):
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS)
    steps = undo.count()
    parts.map.hovered.emit(np.array([0.1, 0.1]))
    parts.map.committed.emit(np.array([0.1, 0.1]), 1)
    parts.map.nudged.emit(np.array([0.1, 0.1]), 2)
    parts.map.pathEdited.emit(np.array([[0.1, 0.1]]), np.array([0]), 3)
    assert undo.count() == steps
    assert session.preview is None


def test_progress_is_shown_and_cancel_keeps_what_there_is(parts, session, engine, activity, status):
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS, done=False, fraction=0.25)
    assert status.message().startswith("t-SNE of 50 points")
    assert activity.shown.fraction == 0.25
    activity.cancel()
    assert engine.last(Embed).method == ""
    assert status.message() == "Ready"
    np.testing.assert_array_equal(parts.map.layer_stack.points.xy, POSITIONS)


def test_a_failure_ends_the_activity_and_the_view(session, engine, status, parts):
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS, done=False, fraction=0.25)
    engine.failed.emit(Failed("Embed", "a layout needs openTSNE"))
    assert status.message() == "Ready"
    assert session.axes == AxesChoice("pc1", "pc2"), "no principal components under another name"


def test_a_layout_that_is_cancelled_before_its_first_step_is_not_called_one(session, engine, activity, parts):
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS, done=False, fraction=0.0)
    activity.cancel()
    assert session.axes == AxesChoice("pc1", "pc2")


def test_the_layout_follows_new_points_but_not_during_a_run(parts, session, engine):
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS)
    requested = engine.count(Embed)
    session.set_run_state("running")
    session.set_model(model_info(3), 2, is_new_model=False)
    session.set_points(some_points(3, version=2))
    assert engine.count(Embed) == requested
    session.set_run_state("idle")
    assert engine.count(Embed) == requested + 1


def test_a_method_without_its_package_is_greyed_with_its_reason(parts, session):
    axis = parts.window.findChild(QComboBox, "xAxis")
    tsne, umap = axis.findText("t-SNE"), axis.findText("UMAP")
    assert axis.model().item(tsne).isEnabled()
    assert not axis.model().item(umap).isEnabled()
    assert axis.model().item(umap).toolTip() == "Needs umap-learn"
    session.set_points(replace(some_points(3, count=5)))
    assert axis.model().item(axis.findText("t-SNE")).toolTip() == "There are no points to lay out"


def test_a_complete_layout_is_decoded_as_a_terrain_whose_error_is_stated(parts, session, engine, qtbot):
    parts.map.viewChanged.emit(parts.map.view())
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS, done=False, fraction=0.5)
    assert parts.state("manifold").unavailable
    before = engine.count(DecodeGrid)
    laid_out(engine, session, 2 * POSITIONS, error=0.8, spread=3.14)
    assert parts.state("manifold").unavailable == ""
    assert engine.count(DecodeGrid) == before + 1
    assert engine.last(DecodeGrid).axes == LayoutSurface(engine.last(Embed).generation)
    note = parts.window.findChild(QLabel, "mapView").text()
    assert note == "t-SNE: a place decodes the mean of the images around; median error 0.8, all latents' spread 3.1"
    parts.map.set_layer_visible("assignment", True)
    parts.map.set_layer_visible("magnification", True)
    qtbot.waitUntil(lambda: engine.count(MeasureFields) > 0 and engine.last(MeasureFields).kinds == ("assignment",))
    assert parts.state("magnification").unavailable == NO_PLANE
    session.set_axes(AxesChoice("z1", "z2"))
    assert parts.state("assignment").unavailable == NO_TERRAIN
    assert isinstance(engine.last(DecodeGrid).axes, Axes)


def test_a_layout_that_was_cancelled_is_decoded_as_far_as_it_has_come(parts, session, engine, activity):
    parts.map.viewChanged.emit(parts.map.view())
    session.set_axes(TSNE)
    laid_out(engine, session, POSITIONS, done=False, fraction=0.5)
    computed = engine.last(Embed).generation
    activity.cancel()
    assert engine.last(Embed).method == ""
    assert engine.last(DecodeGrid).axes == LayoutSurface(computed)
