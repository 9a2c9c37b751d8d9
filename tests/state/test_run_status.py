"""What can be done with a run in each of its states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from latentlab.config import DataConfig, RunConfig
from latentlab.controllers.run_messages import paused_text
from latentlab.state.run_status import RunState, RunStatus
from tests.controllers.test_autosave import dataset_info


@pytest.mark.parametrize(
    ("state", "is_active", "is_learning", "can_pause", "can_unpause"),
    [
        ("idle", False, False, False, False),
        ("starting", True, True, False, False),
        ("running", True, True, True, False),
        ("paused", True, False, False, True),
        ("stopping", True, True, False, False),
    ],
)
def test_the_state_determines_the_possible_actions(state, is_active, is_learning, can_pause, can_unpause):
    run = RunStatus(RunState(state))
    assert (run.is_active, run.is_learning) == (is_active, is_learning)
    assert (run.can_pause, run.can_unpause) == (can_pause, can_unpause)


def test_a_run_can_be_resumed_with_its_own_images_and_a_checkpoint():
    photos = dataset_info("photos")
    run = RunStatus(config=RunConfig(data=photos.config), source="photos", end_reason="stopped")
    assert run.can_resume(photos)
    assert not run.can_resume(None)
    assert not run.can_resume(dataset_info("others"))
    assert not run.can_resume(replace(photos, config=DataConfig(image_size=16)))
    assert not replace(run, end_reason="").can_resume(photos), "there is no checkpoint"
    moved = replace(photos, source="elsewhere", fingerprint="abc")
    assert replace(run, fingerprint="abc").can_resume(moved), "the same images at another path"


@pytest.mark.parametrize(
    ("reason", "done", "planned"),
    [("stopped", 3, 9), ("interrupted", 3, 9), ("stopped", 9, 0), ("patience", 3, 0), ("done", 9, 0), ("", 3, 0)],
)
def test_a_stopped_or_lost_run_keeps_its_planned_epochs(reason, done, planned):
    assert RunStatus(completed_epochs=done, epochs=9, end_reason=reason).planned_epochs == planned


@pytest.mark.parametrize(("epoch", "text"), [(3.0, "3 of 20"), (2.46, "2.5 of 20")])
def test_the_text_of_a_paused_run_names_its_epoch(epoch, text):
    assert paused_text(RunStatus(RunState.PAUSED, epoch=epoch, epochs=20)) == f"Paused at epoch {text}"
