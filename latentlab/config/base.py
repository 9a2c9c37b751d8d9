"""What all configurations share: frozen and validated fields, and errors in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from latentlab.errors import InputError

DEVICES = r"^(auto|cpu|mps|cuda(:\d+)?)$"


class Config(BaseModel):
    """Base of the configurations; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


C = TypeVar("C", bound=Config)


def validated(kind: type[C], values: Mapping[str, Any]) -> C:
    """Build a configuration from plain values.

    Raises
    ------
    InputError
        In one sentence that names the first wrong field.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or kind.__name__
        if first["type"] == "extra_forbidden":
            names = settings_of(kind) if len(first["loc"]) == 1 else []
            raise InputError(f"{where}: there is no such setting{suggest_names(where, names)}") from None
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


def suggest_names(key: str, names: Iterable[str]) -> str:
    """``; did you mean …?`` with the names similar to ``key``; empty if there is none.

    A name is compared as a whole, without its section, and by its last part.
    """
    shorts = {
        name: name.split(".", 1)[-1] if name.startswith(("model.", "training.", "data.")) else name for name in names
    }
    forms = shorts | {short: short for short in shorts.values()}
    for short in shorts.values():
        forms.setdefault(short.rpartition(".")[-1], short)
    similar = list(dict.fromkeys(forms[form] for form in get_close_matches(key, forms, 3)))
    return f"; did you mean {' or '.join(similar)}?" if similar else ""
