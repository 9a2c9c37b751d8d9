"""Controls made from a configuration's own fields: one ``Setting`` for each, whatever settings there are."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from latentlab.gui.parts import label, named
from latentlab.gui.theme import SPACE

_LARGEST_SPIN = 2**31 - 1
_TITLES = {"beta": "β", "sigma": "σ", "sigma_value": "σ value", "latent_dim": "Latent dim", "kl": "KL"}
_WORDS = {"mlp": "MLP", "conv": "convolutional", 1: "1 · grey", 3: "3 · colour", "auto": "automatic"}
_NONE = {"image_size": "own size", "limit": "all", "per_class": "all"}


class Setting(QObject):
    """One setting of a configuration: its dotted name, its label, and the control that edits it.

    Attributes
    ----------
    name
        Dotted, as on the command line: ``training.batch_size``.
    title
        What it is called.
    label, control
        What a form puts side by side.

    Signals
    -------
    changed
        The user chose another value.
    """

    changed = Signal()

    def __init__(
        self, name: str, field: FieldInfo, tip: str, parent: QWidget, choices: Sequence[Any] | None = None
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._kind, self._optional = _plain_type(field.annotation)
        literal = typing.get_origin(self._kind) is typing.Literal
        allowed = choices or (typing.get_args(self._kind) if literal else ())
        self.title = _title(name)
        self.control = self._make(field, allowed)
        named(self.control, _object_name(name), self.title, f"{tip}\n{name}".strip())
        self.control.setParent(parent)
        self.label = label(self.title)
        self.label.setParent(parent)
        self.label.setBuddy(self.control)
        self.label.setToolTip(self.control.toolTip())
        for widget in (self.label, self.control):
            widget.hide()

    def value(self) -> Any:
        """The value shown; text that is no number comes as it stands, for validation to refuse."""
        control = self.control
        if isinstance(control, QCheckBox):
            return control.isChecked()
        if isinstance(control, QComboBox):
            return control.currentData()
        if isinstance(control, QSpinBox):
            none = self._optional and control.value() == control.minimum()
            return None if none else control.value()
        if isinstance(control, QDoubleSpinBox):
            return round(control.value(), 6)
        assert isinstance(control, QLineEdit)
        return self._parse(control.text().strip())

    def set_value(self, value: Any) -> None:
        """Show a value, without telling it back."""
        control = self.control
        blocked = control.blockSignals(True)
        if isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, QComboBox):
            if control.findData(value) < 0:
                control.addItem(str(value), value)
            control.setCurrentIndex(control.findData(value))
        elif isinstance(control, QSpinBox):
            control.setValue(control.minimum() if value is None else int(value))
        elif isinstance(control, QDoubleSpinBox):
            control.setValue(float(value))
        elif isinstance(control, QLineEdit):
            control.setText(_written(value))
        control.blockSignals(blocked)

    def set_choices(self, values: Sequence[Any]) -> None:
        """Offer other values in a setting that is a choice; the chosen one stays."""
        assert isinstance(self.control, QComboBox)
        chosen = self.value()
        blocked = self.control.blockSignals(True)
        self.control.clear()
        self._fill(self.control, values)
        self.control.blockSignals(blocked)
        self.set_value(chosen)

    def set_invalid(self, why: str) -> None:
        """Mark the value as refused, saying why; an empty text takes the mark away."""
        if self.control.property("invalid") != bool(why):
            self.control.setProperty("invalid", bool(why))
            self.control.style().unpolish(self.control)
            self.control.style().polish(self.control)

    def _make(self, field: FieldInfo, allowed: Sequence[Any]) -> QWidget:
        if self._kind is bool:
            check = QCheckBox()
            check.toggled.connect(self.changed)
            return check
        if allowed:
            combo = _Combo()
            self._fill(combo, allowed)
            combo.activated.connect(self.changed)
            return combo
        low, high = _bounds(field)
        if self._kind is int:
            return self._whole_number(low, high)
        if self._kind is float and low > -float("inf") and high <= 1.0:
            return self._share(low, high)
        line = QLineEdit()
        line.setPlaceholderText(self._none() if self._optional else "all" if self._kind == tuple[str, ...] else "")
        line.editingFinished.connect(self.changed)
        return line

    def _whole_number(self, low: float, high: float) -> QWidget:
        spin = _Spin()
        least = 0 if low == -float("inf") else int(low)
        spin.setRange(least - self._optional, int(min(high, _LARGEST_SPIN)))
        spin.setSpecialValueText(self._none() if self._optional else "")
        spin.setAccelerated(True)
        spin.setGroupSeparatorShown(True)
        spin.valueChanged.connect(self.changed)
        return spin

    def _share(self, low: float, high: float) -> QWidget:
        spin = _DoubleSpin()
        spin.setRange(low, high)
        spin.setSingleStep(0.05)
        spin.setDecimals(3)
        spin.valueChanged.connect(self.changed)
        return spin

    def _fill(self, combo: QComboBox, values: Sequence[Any]) -> None:
        for value in values:
            combo.addItem(_WORDS.get(value, str(value)), value)
        if self._optional:
            combo.addItem(self._none(), None)

    def _none(self) -> str:
        return _NONE.get(self.name.rpartition(".")[2], "none")

    def _parse(self, text: str) -> Any:
        if not text and self._optional:
            return None
        if self._kind is str:
            return text
        if self._kind == tuple[str, ...]:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        try:
            return json.loads(text)
        except ValueError:
            return text


class _Combo(QComboBox):
    """A choice that the wheel passes over, so that scrolling a form changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _NumberMixin:
    """A number that the wheel changes only while it has the focus."""

    def wheelEvent(self: Any, event: QWheelEvent) -> None:
        if self.hasFocus():
            QAbstractSpinBox.wheelEvent(self, event)
        else:
            event.ignore()


class _Spin(_NumberMixin, QSpinBox):
    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class _DoubleSpin(_NumberMixin, QDoubleSpinBox):
    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, value: float) -> str:
        return f"{value:g}"


class Settings(dict[str, Setting]):
    """The settings of a configuration by dotted name, in order; their widgets belong to ``parent``.

    ``choices`` makes a setting a choice among these values; those of ``without`` are left out.
    """

    def __init__(
        self,
        kind: type[BaseModel],
        prefix: str,
        parent: QWidget,
        choices: Mapping[str, Sequence[Any]] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._without = without
        self._add(kind, prefix, parent, choices or {})

    def _add(self, kind: type[BaseModel], prefix: str, parent: QWidget, choices: Mapping[str, Sequence[Any]]) -> None:
        notes = _notes(kind)
        for key, field in kind.model_fields.items():
            inner, name = field.annotation, prefix + key
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                self._add(inner, f"{name}.", parent, choices)
            elif name not in self._without:
                tip = field.description or notes.get(key, "")
                self[name] = Setting(name, field, tip, parent, choices.get(name))

    def values(self) -> Any:
        """The settings themselves, as of any mapping."""
        return super().values()

    def show(self, values: Mapping[str, Any]) -> None:
        """Show nested values, as ``model_dump`` gives them; settings they lack stay as they are."""
        for name, setting in self.items():
            place: Any = values
            for part in name.split("."):
                place = place.get(part, _MISSING) if isinstance(place, Mapping) else _MISSING
            if place is not _MISSING:
                setting.set_value(place)

    def chosen(self) -> dict[str, Any]:
        """What the controls show, nested as ``model_validate`` takes it."""
        made: dict[str, Any] = {}
        for name, setting in self.items():
            *path, last = name.split(".")
            place = made
            for part in path:
                place = place.setdefault(part, {})
            place[last] = setting.value()
        return made


_MISSING = object()


def form() -> QFormLayout:
    """An empty form with the window's spacing."""
    made = QFormLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setHorizontalSpacing(SPACE + SPACE // 2)
    made.setVerticalSpacing(SPACE - 2)
    made.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    made.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return made


def empty(layout: QFormLayout) -> None:
    """Take every row out of a form: settings are put aside, headings are deleted."""
    while layout.rowCount():
        taken = layout.takeRow(0)
        for item in (taken.labelItem, taken.fieldItem):
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                if widget.property("role") == "section":
                    widget.deleteLater()


def add_settings(layout: QFormLayout, settings: Iterable[Setting], after: QWidget | None = None) -> QWidget | None:
    """Add settings to a form, each named in full; the tab order goes on from ``after``."""
    for setting in settings:
        after = _add(layout, setting, setting.title, after)
    return after


def add_groups(layout: QFormLayout, settings: Iterable[Setting], after: QWidget | None = None) -> QWidget | None:
    """Add settings to a form under a heading for each part of the configuration."""
    heading = None
    for setting in settings:
        group = setting.name.split(".")[-2]
        if group != heading:
            layout.addRow(label(group.capitalize(), "section"))
            heading = group
        last = setting.name.rpartition(".")[2]
        after = _add(layout, setting, _TITLES.get(last, last.replace("_", " ").capitalize()), after)
    return after


def _add(layout: QFormLayout, setting: Setting, title: str, after: QWidget | None) -> QWidget:
    setting.label.setText(title)
    layout.addRow(setting.label, setting.control)
    setting.label.show()
    setting.control.show()
    if after is not None:
        QWidget.setTabOrder(after, setting.control)
    return setting.control


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
    """The least and the largest value; of a bound that is itself excluded, the whole number beside it."""
    low, high = -float("inf"), float("inf")
    beside = 1.0 if _plain_type(field.annotation)[0] is int else 0.0
    for each in field.metadata:
        if isinstance(each, Ge):
            low = float(typing.cast(float, each.ge))
        elif isinstance(each, Gt):
            low = float(typing.cast(float, each.gt)) + beside
        elif isinstance(each, Le):
            high = float(typing.cast(float, each.le))
        elif isinstance(each, Lt):
            high = float(typing.cast(float, each.lt)) - beside
    return low, high


def _title(name: str) -> str:
    """What a setting is called where its part is not named above it."""
    *sections, last = name.split(".")
    part = "" if len(sections) < 2 else sections[-1]
    if last == "kind":
        return part.capitalize()
    words = _TITLES.get(last, last.replace("_", " "))
    words = f"{part} {words}" if part else words
    return words[:1].upper() + words[1:] if words.isascii() else words


def _object_name(name: str) -> str:
    """``training.batch_size`` as ``batchSize``, ``model.architecture.kind`` as ``architectureKind``."""
    parts = re.split(r"[._]", name.partition(".")[2])
    return parts[0] + "".join(part.capitalize() for part in parts[1:])


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)
