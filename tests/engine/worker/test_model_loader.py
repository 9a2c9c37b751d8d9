"""Opening a run folder."""

from __future__ import annotations

import numpy as np

from latentlab.config import ArchitectureConfig, DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.engine.worker.model_loader import opened_run
from latentlab.training import Trainer


def test_a_run_is_opened_with_the_settings_it_had_last(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((40, 8, 8), np.uint8))
    model = ModelConfig(architecture=ArchitectureConfig(hidden=8))
    config = RunConfig(model=model, training=TrainingConfig(epochs=4, batch_size=8, device="cpu"), data=DataConfig())
    training = Trainer(load_dataset(tmp_path / "images.npy", config.data), config, tmp_path / "run")
    steps = training.steps()
    next(steps)
    training.update(learning_rate=0.25, beta=2.5, schedule="cosine", epochs=7)
    training.stop()
    for _ in steps:
        pass
    opened = opened_run(str(tmp_path / "run"))
    assert opened is not None
    was = opened.config.training
    assert (was.learning_rate, was.schedule, was.epochs, opened.config.model.beta) == (0.25, "cosine", 7, 2.5)
    assert opened.reason == "stopped"
