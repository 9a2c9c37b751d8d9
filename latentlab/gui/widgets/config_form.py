"""Forms made from a configuration's fields, one row per setting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QWidget

from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.controls import label
from latentlab.gui.widgets.setting_field import Setting

_MISSING = object()
_AT_ONCE = 3  # controls: some milliseconds


class Settings(dict[str, Setting]):
    """The settings of a configuration by dotted name, in order; their widgets are children of ``parent``.

    ``choices`` gives the values offered for a setting; those named in ``without`` are left out.
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
        for key, field in kind.model_fields.items():
            inner, name = field.annotation, prefix + key
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                self._add(inner, f"{name}.", parent, choices)
            elif name not in self._without:
                tip = (field.description or "").replace("``", "")
                self[name] = Setting(name, field, tip, parent, choices.get(name))

    def values(self) -> Any:
        """The settings."""
        return super().values()

    def show(self, values: Mapping[str, Any]) -> None:
        """Show nested values as ``model_dump`` returns them; settings without a value are unchanged."""
        for name, setting in self.items():
            value: Any = values
            for part in name.split("."):
                value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
            if value is not _MISSING:
                setting.set_value(value)

    def chosen(self) -> dict[str, Any]:
        """The values shown, nested as ``model_validate`` expects."""
        nested: dict[str, Any] = {}
        for name, setting in self.items():
            *path, last = name.split(".")
            section = nested
            for part in path:
                section = section.setdefault(part, {})
            section[last] = setting.value()
        return nested


def make_controls(settings: Iterable[Setting]) -> Iterator[None]:
    """Make the controls and labels that a form will need, a few with each step."""
    for number, setting in enumerate(settings, 1):
        _ = setting.label  # made with its control when it is first used
        if number % _AT_ONCE == 0:
            yield


def form() -> QFormLayout:
    """An empty form with the window's spacing."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(SPACE + SPACE // 2)
    layout.setVerticalSpacing(SPACE - 2)
    # A control that does not fit beside the widest label goes below its own label.
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return layout


def empty(layout: QFormLayout) -> None:
    """Remove all rows of a form; the widgets of settings are kept, headings are deleted."""
    while layout.rowCount():
        taken = layout.takeRow(0)
        for item in (taken.labelItem, taken.fieldItem):
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                if widget.property("role") == "section":
                    widget.deleteLater()


def add_settings(layout: QFormLayout, settings: Iterable[Setting], after: QWidget | None = None) -> QWidget | None:
    """Add settings to a form with their full titles; the tab order continues from ``after``."""
    for setting in settings:
        after = _add(layout, setting, setting.title, after)
    return after


def add_groups(layout: QFormLayout, settings: Iterable[Setting], after: QWidget | None = None) -> QWidget | None:
    """Add settings to a form, with a heading for each part of the configuration."""
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
    # Qt centres a label on the height of its text, not on that of a taller control.
    setting.label.setMinimumHeight(setting.control.sizeHint().height())
    layout.addRow(setting.label, setting.control)
    setting.label.show()
    setting.control.show()
    if after is not None:
        QWidget.setTabOrder(after, setting.control)
    return setting.control
