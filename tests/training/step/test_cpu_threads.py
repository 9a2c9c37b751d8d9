"""A run has its own number of CPU threads, whatever else sets torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentlab.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.data import Dataset
from latentlab.models import build
from latentlab.training import Trainer
from latentlab.training.step.cpu_threads import training_threads


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


def test_threads_follow_the_model_or_the_configuration(monkeypatch):
    monkeypatch.setattr("latentlab.training.step.cpu_threads.available_cores", lambda: 8)
    small = build(ModelConfig(), (1, 28, 28))
    convolutional = build(ModelConfig.model_validate({"architecture": {"kind": "conv"}}), (3, 64, 64))
    assert training_threads(TrainingConfig(), small) == 1
    assert training_threads(TrainingConfig(), convolutional) == 8
    assert training_threads(TrainingConfig(threads=3), small) == 3
