"""What is kept on the Board: kept, listed, renamed, moved and removed, each in one undoable step."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget

from latentlab.controllers.board import BoardController
from latentlab.engine.protocol.messages import DrawThumbnail, ThumbnailDrawn
from latentlab.gui.actions import Actions
from latentlab.gui.panels.board import BoardPanel
from latentlab.state.board import BoardItem, Direction
from latentlab.state.map_axes import AxesChoice
from latentlab.state.run_status import RunState, RunStatus
from latentlab.state.selection import Selection
from tests.controllers.conftest import model_info, some_points


@pytest.fixture
def parts(qtbot, session, engine, undo, activity):
    window, panel = QWidget(), BoardPanel()
    for widget in (window, panel):
        qtbot.addWidget(widget)
    actions = Actions(window)
    controller = BoardController(session, engine, undo, panel, actions, activity, panel)
    session.set_model(model_info(3), 1, is_new_model=True)
    session.set_points(some_points(3))
    return SimpleNamespace(board=session.board, controller=controller, panel=panel, actions=actions, window=window)


def direction_item(name: str = "Smile", size: int = 3) -> BoardItem:
    vector = np.eye(size, dtype=np.float32)[0] * 2
    return BoardItem(name, Direction(vector, np.zeros(size, np.float32), score=3.0), "A − B", "m.safetensors", size)


def test_the_latent_shown_is_kept_with_its_picture_and_undone(parts, session, engine, undo):
    session.set_latent([1, 2, 3])
    parts.actions.keep_latent.trigger()
    session.set_latent([0, 0, 0])
    (item,) = parts.board.items
    assert item.content.z.tolist() == [1, 2, 3]
    request = engine.last(DrawThumbnail)
    assert (request.key, request.latents.tolist()) == (item.id, [[1, 2, 3]])
    picture = np.full((8, 8), 7, np.uint8)
    engine.thumbnailDrawn.emit(ThumbnailDrawn(item.id, 1, picture))
    (row,) = parts.panel.rows()
    assert row.picture is picture
    assert (row.name, row.kind, row.detail) == ("Latent", "latent", "in m")
    undo.undo()
    assert not parts.panel.rows()
    undo.redo()
    assert parts.panel.rows()[0].picture is picture
    assert engine.count(DrawThumbnail) == 1


def test_the_latent_of_an_image_is_named_after_it(parts, session):
    session.set_points(replace(some_points(3), index=np.arange(4000, 4050), label=np.full(50, 1), classes=("3", "4")))
    session.set_latent(session.points.mean[7])
    parts.actions.keep_latent.trigger()
    session.set_latent(session.points.mean[7] + 1)
    parts.actions.keep_latent.trigger()
    session.set_points(some_points(3, count=0))
    parts.actions.keep_latent.trigger()
    assert [item.name for item in parts.board.items] == ["image 4,007 · 4", "Latent", "Latent 2"]


def test_a_selection_and_a_path_are_kept_when_there_are_any(parts, session):
    actions = parts.actions
    assert not actions.keep_selection.isEnabled()
    assert not actions.keep_path.isEnabled()
    session.set_selection(Selection(np.array([1, 4]), "", "lasso"))
    session.set_path(np.zeros((2, 3), np.float32))
    actions.keep_selection.trigger()
    actions.keep_path.trigger()
    selection, path = parts.board.items
    assert (selection.name, selection.content.images.tolist()) == ("Lasso", [1, 4])
    assert selection.provenance == "2 images, chosen by lasso"
    assert (path.name, path.content.waypoints.shape, path.latent_dim) == ("Path", (2, 3), 3)


def test_items_are_renamed_moved_and_removed_in_the_panel(parts, undo):
    first, second = direction_item("a"), direction_item("b")
    parts.board.set_items([first, second])
    parts.panel.renamed.emit(first.id, "c")
    assert parts.board.items[0].name == "c"
    parts.panel.moved.emit([second.id, first.id])
    assert [item.name for item in parts.board.items] == ["b", "c"]
    parts.panel.deleteRequested.emit([first.id, second.id])
    assert parts.board.items == ()
    for expected in (["b", "c"], ["c", "b"], ["a", "b"]):
        undo.undo()
        assert [row.name for row in parts.panel.rows()] == expected


def test_a_removed_direction_leaves_the_map_in_the_same_step(parts, session, undo):
    item = direction_item()
    parts.board.set_items([item])
    axes = AxesChoice(f"d:{item.id}", "z2")
    session.set_axes(axes)
    parts.panel.deleteRequested.emit([item.id])
    assert session.axes == AxesChoice("z1", "z2")
    undo.undo()
    assert (session.axes, len(parts.board.items)) == (axes, 1)
    np.testing.assert_allclose(session.plane().x, [1, 0, 0])


def test_what_cannot_be_used_is_listed_with_the_reason_and_asks_for_no_picture(parts, engine, session):
    other = BoardItem("s", Selection(np.array([1]), "elsewhere"))
    parts.board.set_items([direction_item(size=5), other])
    reasons = [row.reason for row in parts.panel.rows()]
    assert "5 dimensions" in reasons[0]
    assert "another dataset" in reasons[1]
    assert engine.count(DrawThumbnail) == 0
    session.set_model(model_info(5), 2, is_new_model=True)
    assert parts.panel.rows()[0].reason == ""
    assert engine.count(DrawThumbnail) == 1


def test_a_latent_of_another_model_is_marked_and_keeps_its_picture(parts, session, engine):
    parts.actions.keep_latent.trigger()
    (item,) = parts.board.items
    picture = np.full((8, 8), 7, np.uint8)
    engine.thumbnailDrawn.emit(ThumbnailDrawn(item.id, 1, picture))
    session.set_model(model_info(3, source="runs/n"), 2, is_new_model=True)
    (row,) = parts.panel.rows()
    assert (row.detail, row.reason) == ("of m.safetensors, not of the model on screen", "")
    assert row.detail in row.tip, "the row may be too narrow for it"
    assert row.picture is picture
    assert engine.count(DrawThumbnail) == 1
    session.set_model(model_info(3), 3, is_new_model=True)
    assert parts.panel.rows()[0].detail == "in m"


def test_a_direction_found_while_a_run_trained_says_at_which_epoch(parts, session):
    session.set_run(RunStatus(RunState.RUNNING, epoch=3.0))
    parts.controller.keep(parts.controller.of_model("Smile", direction_item().content, "A − B"))
    assert parts.panel.rows()[0].detail.endswith("at epoch 3.0")


def test_a_selection_becomes_usable_again_when_a_run_ends(parts, session):
    parts.board.set_items([BoardItem("s", Selection(np.array([1]), some_points(3).fingerprint))])
    session.set_points(None)
    assert parts.panel.rows()[0].reason == "no images are encoded"
    session.set_run(RunStatus(RunState.RUNNING))
    assert session.is_learning
    session.set_points(some_points(3, version=2))
    assert parts.panel.rows()[0].reason == ""


def test_a_picture_of_content_that_was_replaced_is_not_shown(parts, engine):
    item = direction_item()
    parts.board.set_items([item])
    parts.board.set_items(parts.board.with_replaced(item.id, content=item.content.flipped()))
    assert engine.count(DrawThumbnail) == 2
    strip = engine.last(DrawThumbnail).latents
    assert strip.shape == (7, 3)
    assert strip[0, 0] > strip[-1, 0]
    picture = np.zeros((8, 56), np.uint8)
    engine.thumbnailDrawn.emit(ThumbnailDrawn(item.id, 1, picture))
    engine.thumbnailDrawn.emit(ThumbnailDrawn(item.id, 1, picture + 1))
    assert parts.panel.rows()[0].picture.max() <= 1
