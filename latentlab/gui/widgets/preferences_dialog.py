"""The Preferences dialog: a form made from the preferences' fields; what is valid is applied at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QWidget

from latentlab.config import validated
from latentlab.config.preferences import Preferences
from latentlab.errors import InputError, SettingError
from latentlab.gui.style.theme import SPACE
from latentlab.gui.widgets.config_form import Settings, add_groups, form
from latentlab.gui.widgets.controls import button, column, label, row, scrolled

_PREFIX = "preferences."


class PreferencesDialog(QDialog):
    """Edits preferences.

    Signals
    -------
    chosen(preferences)
        The user has chosen other ones, which are valid.
    resetRequested, importRequested, exportRequested, clearCacheRequested
        A button was pressed.
    """

    chosen = Signal(object)
    resetRequested = Signal()
    importRequested = Signal()
    exportRequested = Signal()
    clearCacheRequested = Signal()

    def __init__(self, devices: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("preferencesDialog")
        self.setWindowTitle("Preferences")
        self.setAccessibleName("preferences")
        self.resize(480, 680)
        body = QWidget()
        known = ["auto", *(each for each in devices if each != "auto")]
        choices = {f"{_PREFIX}{name}.device": known for name in ("worker", "runs")}
        self._settings = Settings(Preferences, _PREFIX, body, choices)
        for setting in self._settings.values():
            setting.changed.connect(self._check)
        inside = column(body)
        layout = form()
        inside.addLayout(layout)
        self._cache = label("", "dim")
        self._cache.setObjectName("cacheSize")
        tip = "Remove the decoded images from the disk; they are decoded again when needed"
        clear = button("clearCache", "Clear now", tip, self.clearCacheRequested.emit)
        last: QWidget | None = None
        for group in Preferences.model_fields:
            settings = [self._settings[name] for name in self._settings if name.startswith(f"{_PREFIX}{group}.")]
            add_groups(layout, settings, last)
            last = settings[-1].control
            if group == "cache":
                layout.addRow(row(self._cache, None, clear))
                self.setTabOrder(last, clear)
                last = clear
        inside.addStretch(1)
        self._fault = label("", "error", wrap=True)
        self._fault.setObjectName("preferencesFault")
        self._fault.hide()
        outer = column(self, SPACE * 2)
        outer.addWidget(scrolled(body), 1)
        outer.addWidget(self._fault)
        outer.addLayout(self._build_buttons())

    def _build_buttons(self) -> QHBoxLayout:
        reset = button("resetPreferences", "Reset", "Let all defaults hold again", self.resetRequested.emit)
        import_ = button("importPreferences", "Import…", "Take preferences from a file", self.importRequested.emit)
        export = button("exportPreferences", "Export…", "Write these preferences to a file", self.exportRequested.emit)
        close = button("closePreferences", "Close", "Close this dialog (Escape)", self.accept, primary=True)
        return row(reset, import_, export, None, close)

    def set_preferences(self, preferences: Preferences) -> None:
        """Show these preferences, without emitting a signal."""
        self._settings.show({"preferences": preferences.model_dump()})
        self._show_fault("", "")

    def set_cache_size(self, text: str) -> None:
        """Show how large the cache is."""
        self._cache.setText(text)

    def _check(self) -> None:
        """Emit the preferences shown, or mark the one that cannot be."""
        try:
            preferences = validated(Preferences, self._settings.chosen()["preferences"])
        except InputError as error:
            self._show_fault(str(error), error.setting if isinstance(error, SettingError) else "")
            return
        self._show_fault("", "")
        self.chosen.emit(preferences)

    def _show_fault(self, message: str, name: str) -> None:
        self._fault.setText(message)
        self._fault.setVisible(bool(message))
        for each, setting in self._settings.items():
            setting.set_invalid(message if each == _PREFIX + name else "")
