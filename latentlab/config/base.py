"""What all configurations share: frozen and validated fields, and errors in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from latentlab.errors import InputError, SettingError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEVICES = r"^(auto|cpu|mps|cuda(:\d+)?)$"

_WHOLE, _NUMBER, _TRUTH = "must be a whole number", "must be a number", "must be true or false"
_REQUIREMENTS = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "finite_number": "must be a finite number",
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "model_type": "must be a group of settings",
    "literal_error": "must be {expected}",
}
"""What a value must be, by pydantic's type of the error."""


class Config(BaseModel):
    """Base of the configurations; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


C = TypeVar("C", bound=Config)


def validated(kind: type[C], values: Mapping[str, Any]) -> C:
    """Build a configuration from plain values.

    Raises
    ------
    InputError
        In one sentence that names the first wrong field; a ``SettingError`` if its value is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or kind.__name__
        if first["type"] == "extra_forbidden":
            names = settings_of(kind) if len(first["loc"]) == 1 else []
            raise InputError(f"{where}: there is no such setting{suggest_names(where, names)}") from None
        raise SettingError(where, f"{_requirement(first)}, not {first['input']!r:.80}") from None


def _requirement(error: ErrorDetails) -> str:
    """What a value must be, for instance ``must be at least 1``; the library's own text for a rare kind of error."""
    context = error.get("ctx", {})
    if context.get("pattern") == DEVICES:
        return "must be auto, cpu, cuda, cuda:N or mps"
    limits = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in context.items()}
    text = _REQUIREMENTS.get(error["type"])
    return error["msg"].replace("Input should be", "must be") if text is None else text.format(**limits)


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
