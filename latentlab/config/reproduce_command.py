"""The command that repeats a training done in the window."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from latentlab.config import RunConfig, TrainingConfig, validated
from latentlab.config.recipes import recipe
from latentlab.config.unread import unread_settings
from latentlab.errors import InputError

# Settings with an option of their own; all others are given by --set.
_OPTIONS = {
    "model.latent_dim": "--latent-dim",
    "training.epochs": "--epochs",
    "training.batch_size": "--batch-size",
    "training.learning_rate": "--learning-rate",
    "training.device": "--device",
    "data.image_size": "--image-size",
    "data.channels": "--channels",
    "data.validation": "--validation",
    "data.limit": "--limit",
}


def training_command(source: str, out: str, config: RunConfig) -> str:
    """The ``latentlab train`` command that repeats a training, as one line for a POSIX shell.

    Only differences from the recipe's defaults are written, without those that the model does not read; a model of an
    unknown recipe is written as changes to the recipe ``vae``.
    """
    try:
        base = recipe(config.model.recipe)
    except InputError:
        base = recipe("vae")
    unread = {f"model.{name}" for name in unread_settings(config.model)}
    words = ["latentlab", "train", source, "--out", out, "--recipe", base.name]
    for name, value in _differences(config, RunConfig(model=base.config())):
        if name in unread:
            continue
        text = _text(value)
        words += [_OPTIONS[name], text] if name in _OPTIONS else ["--set", f"{name}={text}"]
    return shlex.join(words)


def trained_config(model: Mapping[str, Any], data: Mapping[str, Any], training: Mapping[str, Any]) -> RunConfig:
    """The configuration of a run, from the model, data and training recorded in a model file.

    What the file does not record has its default value.

    Raises
    ------
    InputError
        When a recorded value is refused.
    """
    settings = {name: value for name, value in training.items() if name in TrainingConfig.model_fields}
    return validated(RunConfig, {"model": dict(model), "data": dict(data), "training": settings})


def _differences(config: RunConfig, defaults: RunConfig) -> list[tuple[str, Any]]:
    before = _flat(defaults.model_dump())
    return [(name, value) for name, value in _flat(config.model_dump()).items() if value != before.get(name)]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
