"""What a restarted worker opens again, what waits for it, and what the window is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentlab.config import DataConfig, RunConfig
from latentlab.engine.client.restart import RestartState
from latentlab.engine.protocol.messages import (
    DatasetClosed,
    DatasetInfo,
    DatasetOpened,
    Failed,
    ModelChanged,
    ModelClosed,
    OpenDataset,
    OpenModel,
    Reconstruct,
    Result,
    Sample,
    StopTraining,
    Train,
    TrainingState,
)
from tests.controllers.conftest import model_info

INFO = DatasetInfo("photos", "photos", 10, (1, 8, 8), (), (), 9, 1, (), 0, DataConfig(image_size=8), 640)


def exit_of(state: RestartState) -> list[Result]:
    return state.record_exit(-9, "", is_wanted=False, is_last=False)


@pytest.fixture
def lost() -> RestartState:
    """The state after a worker was killed that had a dataset open."""
    state = RestartState()
    state.record_result(DatasetOpened(INFO, None))
    state.record_result(TrainingState("running", "run"))
    assert not state.defer(Reconstruct(1)), "the worker is running"
    exit_of(state)
    return state


@pytest.mark.parametrize("end", [DatasetOpened(INFO, None), Failed("OpenDataset", "it is gone")])
def test_requests_that_need_the_dataset_wait_until_it_is_open_or_cannot_be_opened(lost, end):
    first, newer, run = Reconstruct(2), Reconstruct(3), Train(RunConfig(), "run", True)
    assert lost.defer(first)
    assert lost.restoring_requests() == [OpenDataset("photos", INFO.config)]
    assert lost.defer(run)
    assert lost.defer(newer)
    assert lost.defer(StopTraining())
    assert lost.take_deferred() == []
    lost.record_result(end)
    assert lost.take_deferred() == [run, newer, StopTraining()]
    assert lost.take_deferred() == []
    assert not lost.defer(first)


def test_a_newer_strip_replaces_a_deferred_one(lost):
    assert lost.defer(Reconstruct(2))
    assert not lost.defer(Sample(3))
    lost.record_result(DatasetOpened(INFO, None))
    assert lost.take_deferred() == []


def test_a_lost_run_is_opened_by_the_name_it_is_resumed_by(tmp_path: Path):
    state = RestartState()
    state.record_request(Train(RunConfig(), str(tmp_path)))
    state.record_result(ModelChanged(1, model_info(source=str(tmp_path)), is_new_model=True, training=True))
    state.record_result(TrainingState("running", str(tmp_path)))
    for name in ("model", "checkpoint"):
        (tmp_path / f"{name}.safetensors").touch()
    (tmp_path / "run.json").touch()
    lost = exit_of(state)[0]
    assert (lost.run, lost.has_checkpoint) == (str(tmp_path), True)
    assert lost.again == Train(RunConfig(), str(tmp_path), resume=True)
    assert state.restoring_requests() == [OpenModel(str(tmp_path), is_new_model=False)]


def test_row_43_before_a_runs_first_checkpoint_the_earlier_model_is_opened_as_a_new_one(tmp_path: Path):
    state, out = RestartState(), str(tmp_path / "run")
    state.record_result(ModelChanged(1, model_info(2, source="two"), is_new_model=True))
    state.record_request(Train(RunConfig(), out))
    state.record_result(ModelChanged(2, model_info(10, source=out), is_new_model=True, training=True))
    state.record_result(TrainingState("running", out))
    lost, idle = exit_of(state)
    assert idle == TrainingState("idle", out)
    assert (lost.has_checkpoint, lost.again) == (False, Train(RunConfig(), out, resume=False))
    assert state.restoring_requests() == [OpenModel("two", is_new_model=True)]


def test_row_43_without_an_earlier_model_none_is_open(tmp_path: Path):
    state, out = RestartState(), str(tmp_path / "run")
    state.record_result(ModelChanged(4, model_info(source=out), is_new_model=True, training=True))
    state.record_result(TrainingState("running", out))
    assert exit_of(state)[-1] == ModelClosed(4)
    assert state.restoring_requests() == []
    assert not state.defer(Sample(1)), "it would wait for ever"


def test_row_43_a_model_with_another_latent_space_is_a_new_model_whatever_the_worker_says():
    state = RestartState()
    state.record_result(ModelChanged(1, model_info(2), is_new_model=True))
    assert state.record_result(ModelChanged(2, model_info(2), is_new_model=False))[0].is_new_model is False
    assert state.record_result(ModelChanged(3, model_info(10), is_new_model=False))[0].is_new_model is True


def test_row_44_what_a_restarted_worker_cannot_open_is_closed_in_the_window():
    state = RestartState()
    state.record_result(ModelChanged(7, model_info(), is_new_model=True))
    state.record_result(DatasetOpened(INFO, None))
    for failure in (Failed("OpenModel", "it is gone"), Failed("OpenDataset", "it is gone")):
        assert state.record_result(failure) == [failure], "the one before it stays"
    exit_of(state)
    assert (state.open_model, state.open_dataset) == ("", "")
    state.restoring_requests()
    gone = Failed("OpenModel", "it is gone")
    assert state.record_result(gone) == [ModelClosed(7), gone]
    assert state.record_result(gone) == [gone]
    gone = Failed("OpenDataset", "it is gone")
    assert state.record_result(gone) == [DatasetClosed(), gone]
    exit_of(state)
    assert state.restoring_requests() == []


def test_another_model_can_be_opened_instead_of_the_one_before():
    state = RestartState()
    state.record_result(ModelChanged(1, model_info(source="crashes"), is_new_model=True))
    state.record_result(DatasetOpened(INFO, None))
    exit_of(state)
    other = OpenModel("another")
    assert state.restoring_requests(other) == [OpenDataset("photos", INFO.config), other]
    assert state.defer(Sample(1))
