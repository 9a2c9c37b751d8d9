"""The settings that matter less: in groups, found by typing, without those that the chosen model does not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QWidget

from latentlab.gui.widgets.config_form import add_groups, empty, form
from latentlab.gui.widgets.controls import button, column, label, named
from latentlab.gui.widgets.setting_field import Setting


class FoldedSettings(QWidget):
    """A form of settings with a field that filters it.

    Settings that the model does not read are hidden, until the link below them is pressed: then they are shown, greyed,
    with what they need in their tooltip.
    """

    def __init__(self) -> None:
        super().__init__()
        self._settings: Sequence[Setting] = ()
        self._unread: Mapping[str, str] = {}
        self._shows_unread = False
        self._field = QLineEdit()
        named(self._field, "findSetting", "find a setting", "Part of a setting's name or of what it does")
        self._field.setPlaceholderText("Find a setting")
        self._field.setClearButtonEnabled(True)
        self._field.textChanged.connect(self._show)
        self._form = form()
        self._nothing = label("No setting has this name", "dim", wrap=True)
        self._link = button("showUnread", "Show", "Show the settings that act only with other choices", link=True)
        self._link.clicked.connect(self._on_link)
        layout = column(self, 0)
        layout.addWidget(self._field)
        layout.addLayout(self._form)
        layout.addWidget(self._nothing)
        layout.addWidget(self._link)

    def is_empty(self) -> bool:
        """Whether the controls have not been made yet."""
        return not self._form.rowCount()

    def clear(self) -> None:
        """Remove all settings; their widgets are kept."""
        empty(self._form)
        self._settings = ()

    def set_settings(self, settings: Sequence[Setting], after: QWidget | None) -> None:
        """Show these settings; the tab order continues from ``after``."""
        self._settings = settings
        if after is not None:
            QWidget.setTabOrder(after, self._field)
        add_groups(self._form, settings, self._field)
        self._show()

    def set_unread(self, unread: Mapping[str, str]) -> None:
        """Set which settings do nothing, by dotted name, and what each needs."""
        if unread != self._unread:
            self._unread = unread
            self._show()

    # --- internal -------------------------------------------------------------------------------

    def _show(self) -> None:
        if self.is_empty():
            return
        query = self._field.text().strip().casefold()
        hidden, seen = 0, 0
        for setting in self._settings:
            needs = self._unread.get(setting.name, "")
            setting.set_unread(needs)
            matches = query in f"{setting.title} {setting.name} {setting.explanation}".casefold()
            hidden += bool(needs) and matches
            is_shown = matches and (self._shows_unread or not needs)
            seen += is_shown
            self._form.setRowVisible(setting.control, is_shown)
        self._show_headings()
        self._nothing.setVisible(not seen and not hidden)
        does = "does" if hidden == 1 else "do"
        noun = "setting" if hidden == 1 else "settings"
        self._link.setText(
            f"Hide {hidden} {noun} that {does} not act here"
            if self._shows_unread
            else f"Show {hidden} more {noun}, which {does} not act here"
        )
        self._link.setAccessibleName(self._link.text())
        self._link.setVisible(hidden > 0)

    def _show_headings(self) -> None:
        """Hide the headings of groups of which nothing is shown."""
        heading: QLabel | None = None
        has_rows = False
        for row in range(self._form.rowCount()):
            spanning = self._form.itemAt(row, QFormLayout.ItemRole.SpanningRole)
            widget = None if spanning is None else spanning.widget()
            if isinstance(widget, QLabel):
                if heading is not None:
                    self._form.setRowVisible(heading, has_rows)
                heading, has_rows = widget, False
            else:
                has_rows = has_rows or self._form.isRowVisible(row)
        if heading is not None:
            self._form.setRowVisible(heading, has_rows)

    def _on_link(self) -> None:
        self._shows_unread = not self._shows_unread
        self._show()
