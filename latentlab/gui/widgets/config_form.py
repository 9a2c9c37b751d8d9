"""Forms made from a configuration's own fields: a row for each, whatever settings there are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import label
from latentlab.gui.widgets.setting_field import Setting

_MISSING = object()


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


def form() -> QFormLayout:
    """An empty form with the window's spacing."""
    made = QFormLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setHorizontalSpacing(SPACE + SPACE // 2)
    made.setVerticalSpacing(SPACE - 2)
    # A control that has no room beside the widest label goes below its own.
    made.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    made.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    made.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
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
        after = _add(layout, setting, setting.short_title, after)
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
