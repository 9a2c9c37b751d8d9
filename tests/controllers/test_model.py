"""Models and their axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox

from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.model import ModelController
from latentlab.engine.protocol.messages import Failed, ModelChanged, ModelClosed, OpenModel
from latentlab.gui.panels.model import ModelPanel
from latentlab.paths import DEFAULT_MODEL
from latentlab.state.board import BoardItem, Direction
from latentlab.state.map_axes import AxesChoice
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def panel(qtbot, session, engine, undo):
    panel = ModelPanel()
    qtbot.addWidget(panel)
    panel.controller = ModelController(session, engine, undo, panel)
    return panel


def test_the_newest_model_is_the_current_one(panel, session, engine):
    engine.modelChanged.emit(ModelChanged(3, model_info(3), is_new_model=True))
    engine.modelChanged.emit(ModelChanged(2, model_info(2), is_new_model=True))
    assert session.model.latent_dim == 3
    assert not session.dirty
    engine.modelChanged.emit(ModelChanged(4, model_info(3), is_new_model=False, training=True))
    assert session.dirty


def test_a_model_that_is_open_already_is_said_to_be(panel, session, engine):
    said = []
    panel.controller.openAlready.connect(said.append)
    info = model_info(3, source="bundled:m", sha256="a")

    def open_and_answer(version, info):
        panel.controller.open(info.source)
        engine.modelChanged.emit(ModelChanged(version, info, is_new_model=True))

    open_and_answer(1, info)
    open_and_answer(2, replace(info, sha256="b"))
    assert not said, "other weights"
    open_and_answer(3, replace(info, sha256="b"))
    assert said == ["bundled:m"]
    engine.modelChanged.emit(ModelChanged(4, replace(info, sha256="b"), is_new_model=True))
    assert len(said) == 1, "a session is restored"


def test_points_of_another_version_are_ignored(panel, session, engine):
    engine.modelChanged.emit(ModelChanged(2, model_info(2), is_new_model=True))
    engine.pointsChanged.emit(some_points(version=1))
    assert session.points is None
    engine.pointsChanged.emit(some_points(version=2))
    assert session.points is not None


@pytest.mark.parametrize(
    ("x", "y", "shown"),
    [
        ("z3", "z2", ("z3", "z2")),
        ("z2", "z2", ("z2", "z1")),
        ("z1", "z1", ("z2", "z1")),
        ("pc1", "z2", ("pc1", "pc2")),
        ("z1", "pc1", ("pc2", "pc1")),
    ],
)
def test_the_two_axes_are_of_one_kind_and_differ(panel, session, engine, undo, x, y, shown):
    engine.modelChanged.emit(ModelChanged(1, model_info(3), is_new_model=True))
    engine.pointsChanged.emit(some_points(3))
    panel.axesChosen.emit(x, y)
    assert (session.axes.x, session.axes.y) == shown
    undo.undo()
    assert session.axes == AxesChoice("z1", "z2")


def test_the_choice_of_colours_is_undone_in_the_panel_too(panel, session, engine, undo):
    engine.modelChanged.emit(ModelChanged(1, model_info(3), is_new_model=True))
    engine.pointsChanged.emit(replace(some_points(3), columns={"height": np.arange(50)}))
    panel.colourByChosen.emit("height")
    assert session.colour_by == "height"
    undo.undo()
    assert session.colour_by == ""
    assert panel.findChild(QComboBox, "colourBy").currentText() == "class"


def test_each_level_has_its_own_axes(panel, session, engine):
    layout = LatentLayout("plain", (Level("top", 0, 2), Level("bottom", 2, 3)))
    engine.modelChanged.emit(ModelChanged(1, model_info(5, layout=layout), is_new_model=True))
    engine.pointsChanged.emit(some_points(5))
    session.set_level(1)
    panel.axesChosen.emit("pc1", session.axes.y)
    assert session.axes == AxesChoice("pc1", "pc2")
    panel.axesChosen.emit("z4", session.axes.y)
    assert session.axes == AxesChoice("z4", "z3")
    offered = panel.findChild(QComboBox, "xAxis")
    names = [offered.itemData(i) for i in range(offered.count())]
    assert names == ["z3", "z4", "z5", "pc1", "pc2", "pc3", "flat1", "tsne1", "umap1"]


def test_the_bundled_model_replaces_a_first_model_that_cannot_be_opened(panel, engine):
    failure = Failed("OpenModel", "x.safetensors: not a latentlab model")
    engine.failed.emit(failure)
    assert engine.last(OpenModel).source == DEFAULT_MODEL
    engine.failed.emit(failure)
    assert engine.count(OpenModel) == 1


def test_the_bundled_model_replaces_a_first_model_that_was_shown_before_it_could_be_loaded(panel, session, engine):
    engine.modelChanged.emit(ModelChanged(1, model_info(3), is_new_model=True))
    engine.modelClosed.emit(ModelClosed(1))
    engine.failed.emit(Failed("OpenModel", "x.safetensors: configuration and weights disagree"))
    assert session.model is None
    assert engine.last(OpenModel).source == DEFAULT_MODEL


def test_row_44_a_model_that_the_next_worker_cannot_open_is_not_shown_any_more(panel, session, engine):
    engine.modelChanged.emit(ModelChanged(3, model_info(3), is_new_model=True))
    engine.modelClosed.emit(ModelClosed(3))
    assert session.model is None
    assert session.latent.size == 0
    engine.modelChanged.emit(ModelChanged(4, model_info(2), is_new_model=True))
    assert session.model.latent_dim == 2


def test_directions_of_the_board_are_listed_as_axes_and_go_with_any_other(panel, session, undo):
    session.set_model(model_info(3), 1, is_new_model=True)
    fits, other = (
        BoardItem(name, Direction(np.ones(size, np.float32), np.zeros(size, np.float32)), latent_dim=size, id=number)
        for name, size, number in (("smile", 3, "a1"), ("elsewhere", 5, "b2"))
    )
    session.board.set_items([fits, other])
    box = panel.findChild(QComboBox, "xAxis")
    assert [box.itemText(index) for index in range(box.count())] == [
        "z₁",
        "z₂",
        "z₃",
        "smile",
        "PCA terrain",
        "t-SNE",
        "UMAP",
    ]
    panel.axesChosen.emit("d:a1", "z2")
    assert session.axes == AxesChoice("d:a1", "z2")
    assert box.currentText() == "smile"
    panel.axesChosen.emit("d:a1", "d:a1")
    assert session.axes == AxesChoice("z1", "d:a1")
    panel.axesChosen.emit("pc1", "d:a1")
    assert session.axes == AxesChoice("pc1", "d:a1")
    session.board.set_items(session.board.with_replaced("a1", name="grin"))
    assert box.findText("grin") >= 0
