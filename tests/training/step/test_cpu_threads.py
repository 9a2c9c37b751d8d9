"""A run has its own number of CPU threads, whatever else sets torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.config import DataConfig, ModelConfig, RunConfig, TrainingConfig, validated, with_settings
from latentlab.data import Dataset
from latentlab.errors import InputError
from latentlab.models import build
from latentlab.training import Trainer
from latentlab.training.step.cpu_threads import estimated_threads, given_threads, most_threads, step_flops


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def dataset() -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (300, 1, 28, 28), dtype=np.uint8)
    return Dataset(images, np.full(300, -1), (), [str(i) for i in range(300)], "noise", "noise", DataConfig())


def test_the_number_of_threads_outside_a_run_does_not_affect_it(dataset, threads):
    # A shape for which the last bits of a matrix product depend on the threads, on two cores or more.
    config = RunConfig(model=ModelConfig(latent_dim=10), training=TrainingConfig(epochs=3, batch_size=37, device="cpu"))
    results = []
    for number in (1, 2):
        trainer = Trainer(dataset, config)
        for _event in trainer.steps():
            assert torch.get_num_threads() == number or trainer.step == 0
            threads(number)
        results.append(b"".join(p.detach().numpy().tobytes() for p in trainer.model.parameters()))
    assert results[0] == results[1]


CORES = "latentlab.training.step.cpu_threads.available_cores"


@pytest.fixture(autouse=True)
def no_limit(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(("cores", "mlp", "convolutions"), [(1, 1, 1), (2, 1, 2), (4, 2, 4), (8, 2, 8)])
def test_without_a_trial_the_number_of_threads_follows_the_work_of_a_step(monkeypatch, cores, mlp, convolutions):
    """A small step leaves a core free for the window."""
    monkeypatch.setattr(CORES, lambda: cores)
    small = build(ModelConfig(), (1, 28, 28))
    large = build(ModelConfig.model_validate({"architecture": {"kind": "conv"}}), (3, 64, 64))
    assert estimated_threads(TrainingConfig(), small) == mlp
    assert estimated_threads(TrainingConfig(), large) == convolutions


def test_a_given_number_of_threads_is_kept_and_auto_gives_none(monkeypatch):
    monkeypatch.setattr(CORES, lambda: 2)
    assert given_threads(TrainingConfig(threads=3)) == 3
    assert given_threads(TrainingConfig(threads=3), resumed=2) == 3
    assert given_threads(with_settings(RunConfig(), ["threads=auto"]).training) == 0
    assert given_threads(TrainingConfig(), resumed=2) == 2
    with pytest.raises(InputError, match=r"training\.threads must be a whole number"):
        with_settings(RunConfig(), ["threads=many"])


@pytest.mark.parametrize(("limit", "most"), [("3", 3), ("16", 8), ("2,1", 2), ("0", 8), ("", 8), ("all", 8)])
def test_omp_num_threads_is_the_most(monkeypatch, limit, most):
    monkeypatch.setattr(CORES, lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert most_threads() == most


def test_a_resumed_run_keeps_its_number_of_threads_if_there_are_as_many_cores(monkeypatch, dataset, tmp_path):
    config = RunConfig(training=TrainingConfig(epochs=1, device="cpu"))
    monkeypatch.setattr(CORES, lambda: 4)
    trainer = Trainer(dataset, config, tmp_path / "run")
    trainer.stop()
    list(trainer.steps())
    assert trainer.threads == 2
    for cores, threads in ((2, 2), (1, 1)):
        monkeypatch.setattr(CORES, lambda number=cores: number)
        assert Trainer(dataset, config, tmp_path / "run", resume=True).threads == threads


def test_a_linear_path_adds_little_to_the_work_of_convolutions():
    def work(linear_path: bool) -> float:
        values = {"architecture": {"kind": "conv", "width": 16, "linear_path": linear_path}, "latent_dim": 10}
        return step_flops(TrainingConfig(), build(validated(ModelConfig, values), (1, 64, 64)))

    assert 1 < work(True) / work(False) < 1.1
