"""A whole run's configuration, and ``KEY=VALUE`` settings applied to it by dotted name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from latentlab.config.base import Config
from latentlab.config.data import DataConfig
from latentlab.config.model import ModelConfig
from latentlab.config.training import DEVICES, TrainingConfig
from latentlab.errors import InputError

C = TypeVar("C", bound=Config)


class RunConfig(Config):
    """Data, model and training of one run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()


def validated(kind: type[C], values: Mapping[str, Any]) -> C:
    """Build a configuration from plain values.

    Raises
    ------
    InputError
        In one sentence that names the first field at fault.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or kind.__name__
        if first["type"] == "extra_forbidden":
            names = settings_of(kind) if len(first["loc"]) == 1 else []
            raise InputError(f"{where}: there is no such setting{_nearest(where, names)}") from None
        if first.get("ctx", {}).get("pattern") == DEVICES:
            raise InputError(f"{where}: auto, cpu, cuda, cuda:N or mps (got {first['input']!r:.80})") from None
        raise InputError(f"{where}: {first['msg']} (got {first['input']!r:.80})") from None


def settings_of(kind: type[BaseModel], prefix: str = "") -> list[str]:
    """Every dotted field name below ``kind``, in order."""
    names: list[str] = []
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += settings_of(inner, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def with_settings(config: RunConfig, settings: Iterable[str]) -> RunConfig:
    """Apply ``KEY=VALUE`` settings.

    A key is a dotted field name: ``training.epochs``, ``data.fit``, ``model.beta``; the section may be left out,
    as in ``likelihood.kind`` or ``beta``, and is then looked for in model, training, data in this order.
    A value is JSON where it parses as such (numbers, true, lists), else the text itself.

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
        _put(values, _full_name(key.strip()).split("."), _value(text.strip()))
    return validated(RunConfig, values)


def _full_name(key: str) -> str:
    known = settings_of(RunConfig)
    for candidate in (key, *(f"{section}.{key}" for section in ("model", "training", "data"))):
        if candidate in known:
            return candidate
    raise InputError(f"{key}: there is no such setting{_nearest(key, known)}")


def _nearest(key: str, known: Iterable[str]) -> str:
    """Ask for what may have been meant; nothing where no name is near.

    A name is compared whole, without its section, and by its last part, as somebody may have it in mind.
    """
    shorts = {
        name: name.split(".", 1)[-1] if name.startswith(("model.", "training.", "data.")) else name for name in known
    }
    meant = shorts | {short: short for short in shorts.values()}
    for short in shorts.values():
        meant.setdefault(short.rpartition(".")[-1], short)
    near = list(dict.fromkeys(meant[form] for form in get_close_matches(key, meant, 3)))
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        values = values[part]
    values[path[-1]] = value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
