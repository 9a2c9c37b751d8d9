"""Copied commands repeat what the window did."""

from __future__ import annotations

import shlex

from latentlab.config import DataConfig, RunConfig, TrainingConfig, with_settings
from latentlab.config.recipes import recipe
from latentlab.config.reproduce_command import training_command


def test_only_what_differs_is_written():
    config = RunConfig(model=recipe("beta-vae").config())
    assert training_command("my photos", "run", config) == "latentlab train 'my photos' --out run --recipe beta-vae"


def test_every_setting_comes_back():
    config = RunConfig(
        data=DataConfig(image_size=64, classes=("cat", "dog")),
        model=recipe("gaussian-vae").config(latent_dim=8, beta=0.5),
        training=TrainingConfig(epochs=3, seed=5, binarise="dynamic"),
    )
    words = shlex.split(training_command("data", "run", config))
    options = {"--latent-dim": "model.latent_dim", "--epochs": "training.epochs", "--image-size": "data.image_size"}
    settings = [
        word if option == "--set" else f"{options[option]}={word}"
        for option, word in zip(words[5::2], words[6::2], strict=True)
        if option == "--set" or option in options
    ]
    assert with_settings(RunConfig(model=recipe("gaussian-vae").config()), settings) == config
