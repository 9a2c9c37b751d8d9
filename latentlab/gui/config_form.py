"""Rows of controls made from a configuration's own fields: one row a setting, whatever settings there are."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget

from latentlab.gui.parts import named


class Setting(QObject):
    """One setting: its dotted name, its words, and the control that edits it.

    Signals
    -------
    changed
        The user chose another value.
    """

    changed = Signal()

    def __init__(self, name: str, field: FieldInfo, tip: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.title = _title(name)
        self._kind, self._optional = _plain_type(field.annotation)
        self._allowed = typing.get_args(self._kind) if typing.get_origin(self._kind) is typing.Literal else ()
        self.control = self._make(field)
        named(self.control, _object_name(name), self.title, f"{tip}\n{name}".strip())

    def value(self) -> Any:
        """The value shown; text that is no number comes as it stands, for validation to refuse."""
        control = self.control
        if isinstance(control, QCheckBox):
            return control.isChecked()
        if isinstance(control, QComboBox):
            return control.currentData()
        if isinstance(control, QSpinBox):
            return control.value()
        assert isinstance(control, QLineEdit)
        return self._parse(control.text().strip())

    def set_value(self, value: Any) -> None:
        """Show a value, without telling it back."""
        control = self.control
        blocked = control.blockSignals(True)
        if isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, QComboBox):
            control.setCurrentIndex(control.findData(value))
        elif isinstance(control, QSpinBox):
            control.setValue(int(value))
        elif isinstance(control, QLineEdit):
            control.setText(_written(value))
        control.blockSignals(blocked)

    def _make(self, field: FieldInfo) -> QWidget:
        if self._kind is bool:
            check = QCheckBox()
            check.toggled.connect(self.changed)
            return check
        if self._allowed:
            combo = _Combo()
            for value in self._allowed:
                combo.addItem(str(value), value)
            if self._optional:
                combo.addItem("none", None)
            combo.activated.connect(self.changed)
            return combo
        low, high = _bounds(field)
        if self._kind is int and not self._optional and high <= 2**31:
            spin = _Spin()
            spin.setRange(int(max(low, -(2**31))), int(min(high, 2**31 - 1)))
            spin.valueChanged.connect(self.changed)
            return spin
        line = QLineEdit()
        if self._optional:
            line.setPlaceholderText("none")
        line.editingFinished.connect(self.changed)
        return line

    def _parse(self, text: str) -> Any:
        if not text and self._optional:
            return None
        if self._kind is str:
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text


class _Combo(QComboBox):
    """A choice that the wheel passes over, so that scrolling a form changes nothing."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _Spin(QSpinBox):
    """A whole number that the wheel changes only while it has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def settings_for(kind: type[BaseModel], prefix: str, parent: QObject) -> dict[str, Setting]:
    """A ``Setting`` for every field below ``kind``, by dotted name, in order."""
    made: dict[str, Setting] = {}
    notes = _notes(kind)
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            made |= settings_for(inner, f"{prefix}{name}.", parent)
        else:
            made[prefix + name] = Setting(prefix + name, field, field.description or notes.get(name, ""), parent)
    return made


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted name as nested mappings."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        place = made
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return made


@lru_cache(maxsize=32)
def _notes(kind: type[BaseModel]) -> dict[str, str]:
    """What a configuration's docstring says of each attribute (``name, other`` newline, indented text)."""
    text = inspect.cleandoc(kind.__doc__ or "")
    notes: dict[str, str] = {}
    for found in re.finditer(r"^(\w+(?:, \w+)*)\n((?:    .+\n?)+)", text, re.MULTILINE):
        words = " ".join(found[2].split()).replace("``", "")
        notes |= dict.fromkeys(found[1].split(", "), words)
    return notes


def _plain_type(annotation: Any) -> tuple[Any, bool]:
    """The type without ``None``, and whether ``None`` is allowed."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [each for each in typing.get_args(annotation) if each is not types.NoneType]
        return (kinds[0] if len(kinds) == 1 else annotation), len(kinds) < len(typing.get_args(annotation))
    return annotation, False


def _bounds(field: FieldInfo) -> tuple[float, float]:
    low, high = -float("inf"), float("inf")
    for each in field.metadata:
        if isinstance(each, Ge):
            low = float(each.ge)  # type: ignore[arg-type]
        elif isinstance(each, Gt):
            low = float(each.gt) + 1  # type: ignore[arg-type]
        elif isinstance(each, Le):
            high = float(each.le)  # type: ignore[arg-type]
        elif isinstance(each, Lt):
            high = float(each.lt) - 1  # type: ignore[arg-type]
    return low, high


def _title(name: str) -> str:
    section, _dot, last = name.rpartition(".")
    part = section.rpartition(".")[2]
    words = {"beta": "β", "kind": part, "sigma": "σ", "sigma_value": "σ value", "latent_dim": "latent dim"}
    return words.get(last, last.replace("_", " "))


def _object_name(name: str) -> str:
    """``training.batch_size`` as ``batchSize``, ``model.architecture.kind`` as ``architectureKind``."""
    parts = re.split(r"[._]", name.partition(".")[2])
    return parts[0] + "".join(part.capitalize() for part in parts[1:])


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
