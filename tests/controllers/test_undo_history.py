"""The undo history lasts as long as the latent space."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from latentlab.config.layout import LatentLayout, Level
from latentlab.controllers.commands import ChooseColour, ChooseLabel, LockDimension, MoveLatent, ShowEncodedImage
from latentlab.controllers.undo_history import MOST_STEPS, UndoHistoryController, undo_stack
from latentlab.engine.protocol.messages import ImageEncoded
from tests.controllers.conftest import model_info


@pytest.fixture
def history(session, undo, activity):
    session.set_model(model_info(3), 1, is_new_model=True)
    return UndoHistoryController(session, undo, activity, activity)


def test_a_run_on_the_same_latent_space_keeps_the_moves(history, session, undo, activity, status):
    undo.push(MoveLatent(session, np.array([1, 2, 3], np.float32), 1))
    session.set_model(model_info(3, name="run"), 2, is_new_model=True)
    session.set_model(model_info(3, name="run"), 3, is_new_model=False)
    assert status.message() == "Ready"
    undo.undo()
    assert session.latent.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "model",
    [
        model_info(2),
        model_info(3, layout=LatentLayout("plain", (Level("top", 0, 1), Level("bottom", 1, 2)))),
    ],
)
def test_another_latent_space_clears_the_history_and_the_status_line_says_so(history, session, undo, status, model):
    session.set_model(model_info(3, name="other"), 2, is_new_model=True)
    undo.push(MoveLatent(session, np.array([1, 2, 3], np.float32), 1))
    session.set_model(model, 3, is_new_model=True)
    assert undo.count() == 0
    assert status.message() == "Another latent space: earlier steps can no longer be undone"


def test_without_steps_another_latent_space_is_not_mentioned(history, session, status):
    session.set_model(model_info(2), 2, is_new_model=True)
    assert status.message() == "Ready"


def test_steps_of_another_model_leave_a_valid_session(history, session, undo):
    session.set_model(model_info(3, conditional=True, classes=("a", "b", "c")), 2, is_new_model=True)
    image = np.zeros((1, 8, 8), np.uint8)
    encoded = ImageEncoded(2, "a.png", np.ones(3, np.float32), np.ones(3, np.float32), image, image, 1.0, 1.0)
    undo.push(ChooseLabel(session, 2))
    undo.push(LockDimension(session, 1, True))
    undo.push(ChooseColour(session, "height"))
    undo.push(ShowEncodedImage(session, replace(encoded, label=2)))
    for model, labels in ((model_info(3), {None}), (model_info(3, conditional=True, classes=("a",)), {0})):
        session.set_model(model, session.model_version + 1, is_new_model=True)
        while undo.canUndo():
            undo.undo()
            assert session.label in labels
        while undo.canRedo():
            undo.redo()
            assert session.label in labels


def test_row_25_the_oldest_steps_are_forgotten_and_freed(session):
    """A day of exploring kept each of its steps: 0.1 MB with every thousand gestures."""
    session.set_model(model_info(2), 1, is_new_model=True)
    undo, steps = undo_stack(session), []
    for number in range(MOST_STEPS + 20):
        step = MoveLatent(session, np.array([number + 1, 0], np.float32), number)
        steps.append(weakref.ref(step))
        undo.push(step)
        del step
    gc.collect()
    assert undo.count() == sum(step() is not None for step in steps) == MOST_STEPS
    while undo.canUndo():
        undo.undo()
    assert session.latent.tolist() == [20, 0]
