"""One setting of a configuration and the control that edits it, made from the field's type and bounds.

Most settings are folded away, and making a control takes about a millisecond: it is made when it is first needed.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from latentlab.gui.widgets.controls import label, named
from latentlab.gui.widgets.plain_text import set_tool_tip
from latentlab.gui.widgets.term_card import explain
from latentlab.gui.widgets.weight_field import WeightField
from latentlab.utils.plain_text import NAME, as_line

_DECIMALS = 3  # of a number between narrow bounds
_INSET = 7  # px: aligns the text with that of a line edit
_LARGEST_SPIN = 2**31 - 1
_MIN_SPIN_WIDTH = 96  # px: less than the largest number needs, which is not used
_TITLES = {"beta": "β", "sigma": "σ", "sigma_value": "σ value", "latent_dim": "Latent dimensions", "kl": "KL"}
_TITLES |= {"opens": "Open at first", "desktop": "On the desktop", "gigabytes": "Largest size, GB"}  # preferences
_CHOICE_TEXTS = {"mlp": "MLP", "conv": "convolutional", 1: "1 · grey", 3: "3 · colour", "auto": "automatic"}
_DRAGGED = ("model.beta",)  # weights that have a slider, as they are changed during a run
_NONE = {"image_size": "own size", "limit": "all", "per_class": "all"}


class Setting(QObject):
    """One setting of a configuration: its name, its label, and the control that edits it.

    Attributes
    ----------
    name
        The dotted name used on the command line: ``training.batch_size``.
    explanation
        What it does, in a sentence.
    title, short_title
        What the form calls it; the short title is for below a heading that names its part.
    label, control
        The widgets a form puts side by side; made when first used.

    Signals
    -------
    changed
        The user changed the value.
    """

    changed = Signal()

    def __init__(
        self, name: str, field: FieldInfo, tip: str, parent: QWidget, choices: Sequence[Any] | None = None
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._field, self._parent = field, parent
        self._kind, self._optional = _plain_type(field.annotation)
        literal = typing.get_origin(self._kind) is typing.Literal
        self._allowed = choices or (typing.get_args(self._kind) if literal else ())
        self.title = _title(name)
        self.short_title = _short_title(name)
        self.explanation = tip
        self._tip = f"{tip}\n{name}".strip()
        self._enabled, self._invalid = True, False
        self._needs = ""  # what it needs to act
        # Holds the value until the control is made.
        self._stored: Any = self._as_shown(field.get_default(call_default_factory=True))

    @cached_property
    def control(self) -> QWidget:
        """The widget that edits the value."""
        control = self._make(self._field, self._allowed)
        if not isinstance(control, WeightField):  # whose parts have names
            named(control, _object_name(self.name), self.title, self._tip)
        control.setParent(self._parent)
        control.setEnabled(self._enabled and not self._needs)
        control.hide()
        self.__dict__["control"] = control
        self.set_value(self._stored)
        if self._invalid:
            self._mark()
        return control

    @cached_property
    def label(self) -> QLabel:
        """The label with the title."""
        title_label = label(self.title)
        title_label.setParent(self._parent)
        title_label.setBuddy(self.control)
        set_tool_tip(title_label, self._tip, lines=True)
        explain(title_label, self.name)
        title_label.hide()
        return title_label

    @property
    def _is_made(self) -> bool:
        return "control" in self.__dict__

    def value(self) -> Any:
        """The value shown; text that is not a number is returned as it is, for validation to reject."""
        if not self._is_made:
            return self._stored
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
        assert isinstance(control, QLineEdit | WeightField)
        return self._parse(control.text().strip())

    def set_value(self, value: Any) -> None:
        """Show a value without emitting ``changed``."""
        if not self._is_made:
            self._stored = self._as_shown(value)
            return
        control = self.control
        with QSignalBlocker(control):
            if isinstance(control, QCheckBox):
                control.setChecked(bool(value))
            elif isinstance(control, QComboBox):
                if control.findData(value) < 0:
                    control.addItem(as_line(str(value), NAME), value)
                control.setCurrentIndex(control.findData(value))
            elif isinstance(control, QSpinBox):
                control.setValue(control.minimum() if value is None else int(value))
            elif isinstance(control, QDoubleSpinBox):
                control.setValue(float(value))
            elif isinstance(control, QLineEdit):
                control.setText(_formatted(value))
            elif isinstance(control, WeightField):
                control.set_text(_formatted(value))

    def set_choices(self, values: Sequence[Any]) -> None:
        """Offer other values in a combo box; the chosen value is kept."""
        self._allowed = values
        if not self._is_made:
            return
        assert isinstance(self.control, QComboBox)
        chosen = self.value()
        with QSignalBlocker(self.control):
            self.control.clear()
            self._fill(self.control, values)
        self.set_value(chosen)

    def set_invalid(self, reason: str) -> None:
        """Mark the value as invalid for a reason; an empty text removes the mark."""
        if self._invalid != bool(reason):
            self._invalid = bool(reason)
            if self._is_made:
                self._mark()

    def set_enabled(self, enabled: bool) -> None:
        """Allow or prevent changes of the value."""
        self._enabled = enabled
        if self._is_made:
            self.control.setEnabled(enabled and not self._needs)

    def set_unread(self, needs: str) -> None:
        """Disable the setting because the model does not read it, and say what it needs; an empty text enables it."""
        if needs == self._needs:
            return
        self._needs = needs
        tip = f"It does nothing here: it needs {needs}\n{self._tip}" if needs else self._tip
        if self._is_made:
            self.control.setEnabled(self._enabled and not needs)
            for widget in (self.control, self.label):
                set_tool_tip(widget, tip, lines=True)

    def _mark(self) -> None:
        marked = self.control.line if isinstance(self.control, WeightField) else self.control
        marked.setProperty("invalid", self._invalid)
        marked.style().unpolish(marked)
        marked.style().polish(marked)

    def _as_shown(self, value: Any) -> Any:
        """The value as its control would return it: of the control's type and rounded to its decimals."""
        if self._kind is bool:
            return bool(value)
        if self._allowed or value is None:
            return value
        low, high = _bounds(self._field)
        if self._kind is int:
            return int(value)
        if self._kind is float and _is_fraction(low, high):
            return round(float(value), _DECIMALS)
        return self._parse(_formatted(value))

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
            return self._integer_spin(low, high)
        if self._kind is float and _is_fraction(low, high):
            return self._fraction_spin(low, high)
        if self.name in _DRAGGED:
            weight = WeightField(_object_name(self.name), self.title, self._tip)
            weight.edited.connect(self.changed)
            return weight
        line = QLineEdit()
        line.setPlaceholderText(self._none() if self._optional else "all" if self._kind == tuple[str, ...] else "")
        line.editingFinished.connect(self.changed)
        return line

    def _integer_spin(self, low: float, high: float) -> QWidget:
        spin = _Spin()
        lowest = 0 if low == -float("inf") else int(low)
        spin.setRange(lowest - self._optional, int(min(high, _LARGEST_SPIN)))
        spin.setSpecialValueText(self._none() if self._optional else "")
        spin.setMinimumWidth(_MIN_SPIN_WIDTH)
        spin.setAccelerated(True)
        spin.setGroupSeparatorShown(True)
        spin.valueChanged.connect(self.changed)
        return spin

    def _fraction_spin(self, low: float, high: float) -> QWidget:
        spin = _DoubleSpin()
        spin.setRange(low, high)
        spin.setSingleStep(0.05)
        spin.setDecimals(_DECIMALS)
        spin.valueChanged.connect(self.changed)
        return spin

    def _fill(self, combo: QComboBox, values: Sequence[Any]) -> None:
        for value in values:
            combo.addItem(_CHOICE_TEXTS.get(value, as_line(str(value), NAME)), value)
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
    """A combo box that ignores the wheel, so that scrolling a form changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _NumberMixin:
    """A spin box that the wheel changes only while it has the focus."""

    def wheelEvent(self: Any, event: QWheelEvent) -> None:
        if self.hasFocus():
            QAbstractSpinBox.wheelEvent(self, event)
        else:
            event.ignore()


class _Spin(_NumberMixin, QSpinBox):
    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().setTextMargins(_INSET, 0, 0, 0)


class _DoubleSpin(_NumberMixin, QDoubleSpinBox):
    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().setTextMargins(_INSET, 0, 0, 0)

    def textFromValue(self, value: float) -> str:
        return f"{value:g}"


def _plain_type(annotation: Any) -> tuple[Any, bool]:
    """The type without ``None``, and whether ``None`` is allowed."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [each for each in typing.get_args(annotation) if each is not types.NoneType]
        return (kinds[0] if len(kinds) == 1 else annotation), len(kinds) < len(typing.get_args(annotation))
    return annotation, False


def _bounds(field: FieldInfo) -> tuple[float, float]:
    """The least and largest value; an exclusive bound of an integer is replaced by its neighbour."""
    low, high = -float("inf"), float("inf")
    step = 1.0 if _plain_type(field.annotation)[0] is int else 0.0
    for each in field.metadata:
        if isinstance(each, Ge):
            low = float(typing.cast(float, each.ge))
        elif isinstance(each, Gt):
            low = float(typing.cast(float, each.gt)) + step
        elif isinstance(each, Le):
            high = float(typing.cast(float, each.le))
        elif isinstance(each, Lt):
            high = float(typing.cast(float, each.lt)) - step
    return low, high


def _is_fraction(low: float, high: float) -> bool:
    return low > -float("inf") and high <= 1.0


def _title(name: str) -> str:
    """The title of a setting without a heading that names its part."""
    *sections, last = name.split(".")
    part = "" if len(sections) < 2 else sections[-1]
    if last == "kind":
        return part.capitalize()
    title = _TITLES.get(last, last.replace("_", " "))
    title = f"{part} {title}" if part else title
    return title[:1].upper() + title[1:] if title[:1].isascii() else title


def _short_title(name: str) -> str:
    last = name.rpartition(".")[2]
    return _TITLES.get(last, last.replace("_", " ").capitalize())


def _object_name(name: str) -> str:
    """``training.batch_size`` as ``batchSize``, ``model.architecture.kind`` as ``architectureKind``."""
    parts = re.split(r"[._]", name.partition(".")[2])
    return parts[0] + "".join(part.capitalize() for part in parts[1:])


def _formatted(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)
