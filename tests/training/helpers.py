"""A dataset of small images that can be learned in a second, and runs on it."""

import numpy as np

from latentlab.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.data import Dataset
from latentlab.training import Trainer

ARCHITECTURE = {"kind": "mlp", "hidden": 16}


def bars(count=60, side=8, channels=1, labelled=True, **config):
    """Images of a bright bar at one of four heights, a little noisy."""
    rng = np.random.default_rng(5)
    label = np.arange(count) % 4
    images = rng.integers(0, 40, (count, channels, side, side), dtype=np.uint8)
    for image, height in zip(images, label * 2, strict=True):
        image[:, height : height + 2] += 200
    return Dataset(
        images,
        label if labelled else np.full(count, -1),
        ("a", "b", "c", "d") if labelled else (),
        [f"{i}.png" for i in range(count)],
        "bars",
        "made:bars",
        DataConfig(**config),
    )


def run_config(model=None, **training):
    values = {"epochs": 3, "batch_size": 16, "seed": 3, "device": "cpu"} | training
    return RunConfig(
        model=ModelConfig(**({"architecture": ARCHITECTURE} | (model or {}))), training=TrainingConfig(**values)
    )


def train(dataset, config, out=None, resume=False):
    """Run to the end; returns the trainer and its events."""
    trainer = Trainer(dataset, config, out, resume)
    return trainer, [event for event in trainer.steps() if event is not None]


def named(events, name):
    return [event for event in events if event.event == name]
