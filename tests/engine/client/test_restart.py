"""Requests that wait until a restarted worker has opened the dataset again."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentlab.config import DataConfig, RunConfig
from latentlab.engine.client.restart import RestartState
from latentlab.engine.protocol.messages import (
    DatasetInfo,
    DatasetOpened,
    Failed,
    OpenDataset,
    OpenModel,
    Reconstruct,
    Sample,
    StopTraining,
    Train,
    TrainingState,
)

INFO = DatasetInfo("photos", "photos", 10, (1, 8, 8), (), (), 9, 1, (), 0, DataConfig(image_size=8), 640)


@pytest.fixture
def lost() -> RestartState:
    """The state after a worker was killed that had a dataset open."""
    state = RestartState()
    state.record_result(DatasetOpened(INFO, None))
    state.record_result(TrainingState("running", "run"))
    assert not state.defer_until_dataset(Reconstruct(1)), "the worker is running"
    state.record_exit(-9, "")
    return state


@pytest.mark.parametrize("end", [DatasetOpened(INFO, None), Failed("OpenDataset", "it is gone")])
def test_requests_that_need_the_dataset_wait_until_it_is_open_or_cannot_be_opened(lost, end):
    first, newer, run = Reconstruct(2), Reconstruct(3), Train(RunConfig(), "run", True)
    assert lost.defer_until_dataset(first)
    assert lost.restoring_requests(1) == [OpenDataset("photos", INFO.config)]
    assert lost.defer_until_dataset(run)
    assert lost.defer_until_dataset(newer)
    assert lost.defer_until_dataset(StopTraining())
    assert lost.take_deferred() == []
    lost.record_result(end)
    assert lost.take_deferred() == [run, newer, StopTraining()]
    assert lost.take_deferred() == []
    assert not lost.defer_until_dataset(first)


def test_a_newer_strip_replaces_a_deferred_one(lost):
    assert lost.defer_until_dataset(Reconstruct(2))
    assert not lost.defer_until_dataset(Sample(3))
    lost.record_result(DatasetOpened(INFO, None))
    assert lost.take_deferred() == []


def test_nothing_waits_for_a_dataset_that_is_not_opened_again(lost, tmp_path: Path):
    assert lost.defer_until_dataset(Reconstruct(2))
    assert lost.restoring_requests(2) == []
    assert lost.take_deferred() == [Reconstruct(2)]


def test_a_lost_run_is_opened_by_the_name_it_is_resumed_by(tmp_path: Path):
    state = RestartState()
    state.record_result(TrainingState("running", str(tmp_path)))
    (tmp_path / "model.safetensors").touch()
    state.record_exit(-9, "")
    assert state.restoring_requests(1) == [OpenModel(str(tmp_path), is_new_model=False)]
