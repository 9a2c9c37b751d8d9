"""The configuration of a run, and ``KEY=VALUE`` settings applied to it by dotted name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from latentlab.config.base import Config, settings_of, suggest_names, validated
from latentlab.config.data import DataConfig
from latentlab.config.model import ModelConfig
from latentlab.config.training import TrainingConfig
from latentlab.errors import InputError


class RunConfig(Config):
    """Data, model and training of one run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()


def with_settings(config: RunConfig, settings: Iterable[str]) -> RunConfig:
    """Apply ``KEY=VALUE`` settings.

    A key is a dotted field name: ``training.epochs``, ``data.fit``, ``model.beta``. The section may be omitted, as in
    ``likelihood.kind`` or ``beta``: model, training and data are then searched in this order. A value is JSON if it
    parses as such (numbers, true, lists), else the text itself.

    Raises
    ------
    InputError
        For a setting without ``=``, an unknown key or a value the field refuses.
    """
    values = config.model_dump()
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not key:
            raise InputError(f"setting {setting!r} is not of the form KEY=VALUE")
        name = full_name(key.strip())
        _set(values, name.split("."), _parse(text.strip()))
        if name == "data.validation":  # given by hand, it is meant to act: see DataConfig
            values["data"]["split"] = "random"
    return validated(RunConfig, values)


def full_name(key: str) -> str:
    """The dotted name of a setting with its section, ``model.beta`` for ``beta``.

    Raises
    ------
    InputError
        When there is no such setting.
    """
    names = settings_of(RunConfig)
    for candidate in (key, *(f"{section}.{key}" for section in ("model", "training", "data"))):
        if candidate in names:
            return candidate
    raise InputError(f"{key}: there is no such setting{suggest_names(key, names)}")


def _set(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        values = values[part]
    values[path[-1]] = value


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
