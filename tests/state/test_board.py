"""The Board keeps items; every change can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QUndoStack

from latentlab.controllers.commands import ChangeBoard, ChangeSelection
from latentlab.state.board import BoardItem, Direction, Latent
from latentlab.state.selection import Selection
from latentlab.state.session import Session
from tests.state.test_selection import points, selection


@pytest.fixture
def session(qapp):
    return Session()


def kept(name: str = "Latent", **changes: object) -> BoardItem:
    return BoardItem(name, Latent(np.zeros(3, np.float32)), latent_dim=3, **changes)


def test_items_are_added_renamed_and_removed_and_each_step_is_undone(session, qtbot):
    undo, board, item = QUndoStack(), session.board, kept()
    with qtbot.waitSignal(board.changed):
        undo.push(ChangeBoard(session, board.with_added(item), "Keep"))
    undo.push(ChangeBoard(session, board.with_replaced(item.id, name="Slanted"), "Rename"))
    undo.push(ChangeBoard(session, board.with_removed(item.id), "Remove"))
    assert board.items == ()
    undo.undo()
    assert board.item(item.id).name == "Slanted"
    undo.undo()
    undo.undo()
    assert board.items == ()
    with qtbot.assertNotEmitted(board.changed):
        board.set_items(())


def test_a_name_that_is_taken_gets_a_number(session):
    session.board.set_items([kept("a"), kept("a 2")])
    assert session.board.free_name("a") == "a 3"
    assert session.board.free_name("b") == "b"


def test_what_does_not_fit_the_model_or_the_dataset_says_why():
    assert kept().why_unusable(3, "x") == ""
    assert "3 dimensions, and the model has 2" in kept().why_unusable(2, "x")
    chosen = BoardItem("s", Selection(np.array([1]), "x"))
    assert chosen.kind == "selection"
    assert chosen.why_unusable(2, "x") == ""
    assert "another dataset" in chosen.why_unusable(2, "y")


def test_a_latent_moves_along_a_direction_in_units_of_its_length():
    direction = Direction(np.array([0, 2, 0], np.float32), np.array([5, 1, 0], np.float32))
    latent = np.array([1, 5, 7], np.float32)
    assert direction.coordinate(latent) == pytest.approx(2)
    assert direction.moved(latent, -1).tolist() == [1, -1, 7]


def test_a_selection_is_undone_and_ends_with_its_dataset(session):
    undo = QUndoStack()
    session.set_points(points())
    undo.push(ChangeSelection(session, selection(1, 2)))
    undo.push(ChangeSelection(session, selection()))
    assert session.selection is None
    undo.undo()
    assert session.selection == selection(1, 2)
    session.set_points(points(3, index=[2, 3, 4]))
    assert session.selection == selection(1, 2), "other points of the same dataset"
    session.set_points(points(fingerprint="b"))
    assert session.selection is None
    undo.redo()
    undo.undo()
    assert session.selection is None, "its dataset is closed"


def test_what_a_direction_is_worth_is_said_in_words():
    vector = np.ones(2, np.float32)

    def verdict(**scores):
        return Direction(vector, vector, **scores).verdict

    chance = {"random_score": 0.0, "random_spread": 0.1}
    assert verdict(score=3.14, accuracy=0.94, p_value=0.02, **chance) == (
        "separates well: d = 3.1, random 0.0 ± 0.1, 94% right"
    )
    assert verdict(score=1.0, **chance).startswith("separates in part")
    assert verdict(score=0.3, **chance).startswith("separates weakly")
    assert verdict(score=0.15, **chance).startswith("no better than chance")
    assert verdict(score=0.5, p_value=0.3, **chance).startswith("no better than chance")
    assert verdict(score=float("inf"), **chance).startswith("separates well: d = > 1,000")
    assert verdict(score=2.5, r2=0.83, **chance).startswith("separates well: r² = 0.83")
    assert verdict(explained=0.231) == "23% of the variance"
    assert verdict() == "not scored"
