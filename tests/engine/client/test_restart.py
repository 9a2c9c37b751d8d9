"""What waits for the images while a new worker opens them again."""

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
    """Of a window whose images are open and whose worker has just been killed."""
    memory = RestartState()
    memory.note_result(DatasetOpened(INFO, None))
    memory.note_result(TrainingState("running", "run"))
    assert not memory.holds(Reconstruct(1)), "nothing is amiss yet"
    memory.losses(-9, "")
    return memory


@pytest.mark.parametrize("end", [DatasetOpened(INFO, None), Failed("OpenDataset", "it is gone")])
def test_what_needs_the_images_waits_until_they_are_open_again_or_will_not_be(lost, end):
    first, newer, run = Reconstruct(2), Reconstruct(3), Train(RunConfig(), "run", True)
    assert lost.holds(first)
    assert lost.restoring(1) == [OpenDataset("photos", INFO.config)]
    assert lost.holds(run)
    assert lost.holds(newer)
    assert lost.holds(StopTraining())
    assert lost.released() == []
    lost.note_result(end)
    assert lost.released() == [run, newer, StopTraining()]
    assert lost.released() == []
    assert not lost.holds(first)


def test_another_strip_takes_the_waiting_ones_place(lost):
    assert lost.holds(Reconstruct(2))
    assert not lost.holds(Sample(3))
    lost.note_result(DatasetOpened(INFO, None))
    assert lost.released() == []


def test_nothing_waits_for_images_that_are_not_opened_again(lost, tmp_path: Path):
    assert lost.holds(Reconstruct(2))
    assert lost.restoring(2) == []
    assert lost.released() == [Reconstruct(2)]


def test_a_lost_run_is_opened_by_the_name_it_goes_on_by(tmp_path: Path):
    memory = RestartState()
    memory.note_result(TrainingState("running", str(tmp_path)))
    (tmp_path / "model.safetensors").touch()
    memory.losses(-9, "")
    assert memory.restoring(1) == [OpenModel(str(tmp_path), is_new_model=False)]
