"""Opening a run folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from latentlab.config import ArchitectureConfig, DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.engine.protocol.messages import (
    Decode,
    Decoded,
    Failed,
    ModelChanged,
    ModelClosed,
    OpenModel,
    PointsChanged,
    SaveModel,
    WorkerReady,
)
from latentlab.engine.worker.model_loader import opened_run
from latentlab.training import Trainer
from tests.engine.conftest import Driver
from tests.storage.rewrite import rewrite


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


def test_row_40_a_first_model_whose_weights_do_not_fit_is_closed_before_that_is_said(model_file, tmp_path):
    """It has been published by then: the window shows it, with its points."""
    path = Path(shutil.copy(model_file, tmp_path))
    rewrite(path, "latentlab", {"encoder.layers.0.bias": np.zeros(3, np.float32)})
    driver = Driver("thread", model=str(path))
    try:
        told = driver.until(Failed)
        driver.wait(WorkerReady)
        driver.ask(SaveModel(str(tmp_path / "again.safetensors")))
        assert driver.wait(Failed).message == "open a model first"
    finally:
        driver.close()
    assert [type(each) for each in told] == [ModelChanged, PointsChanged, ModelClosed, Failed]
    assert told[-2].model_version == told[0].model_version
    assert re.search(r"configuration and weights disagree: encoder\.layers\.0\.bias", told[-1].message)


@pytest.mark.parametrize(
    ("tensors", "edit", "why"),
    [
        ({"points.mean": np.full((50, 2), 3e38, np.float32)}, {}, r"tensor points\.mean holds 3e\+38"),
        ({"points.mean": np.zeros((50, 7), np.float32), "points.std": np.ones((50, 7), np.float32)}, {}, "points"),
        ({"points.label": np.full(50, 2**62)}, {}, r"tensor points\.label"),
        ({"decoder.pixels.bias": np.full(64, np.nan, np.float32)}, {}, r"tensor decoder\.pixels\.bias"),
        (
            {"decoder.pixels.bias": np.zeros(63, np.float32)},
            {},
            r"decoder\.pixels\.bias is float32 \[63\] instead of \[64\]",
        ),
        ({}, {"preview_extent": [-1e308, 1e308, -3, 3]}, "preview_extent"),
        ({}, {"classes": ["a", "b" * 1_000_000]}, r"classes\.1"),
        ({}, {"schema_version": True}, "schema_version"),
        ({}, {"schema_version": 2}, r"newer latentlab \(schema version 2; this one reads 1\)"),
        ({}, {"image_shape": [1, 8, 9]}, r"configuration and weights disagree: \S+ is float32 \[.*\] instead of"),
    ],
)
def test_rows_5_and_40_a_model_that_is_refused_leaves_the_live_one_as_it_was(
    driver, model_file, tmp_path, tensors, edit, why
):
    path = Path(shutil.copy(model_file, tmp_path))
    rewrite(path, "latentlab", tensors, lambda description: description.update(edit))
    z = np.array([0.5, -1.0], np.float32)
    driver.ask(Decode(1, z))
    before = driver.wait(Decoded)
    driver.ask(OpenModel(str(path)))
    failed = driver.wait(Failed)
    assert failed.expected
    assert re.search(f"{path}.*{why}", failed.message)
    driver.ask(Decode(2, z))
    after = driver.wait(Decoded)
    assert after.model_version == before.model_version
    assert (after.image == before.image).all()
    assert driver.seen(ModelChanged) == driver.seen(PointsChanged) == []
