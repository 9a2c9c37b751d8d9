"""The preferences of the window, kept in one file that all windows share (QtCore only)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal

from latentlab.config.preferences import Preferences
from latentlab.errors import LatentlabError, NewerFileError
from latentlab.paths import preferences_file
from latentlab.state.window_settings import WindowSettings
from latentlab.storage.preferences_file import read_preferences, write_preferences
from latentlab.storage.session_file import set_aside

_LOCK_MS = 200


class PreferenceStore(QObject):
    """Reads, changes and writes the preferences; the theme is kept with the window's settings, for the first paint.

    Attributes
    ----------
    fault
        What was wrong with the file, as one sentence; empty if nothing was.

    Signals
    -------
    changed(before)
        Other preferences hold now; ``before`` are those that held until now.
    """

    changed = Signal(object)

    def __init__(self, settings: WindowSettings, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings, self._path = settings, path or preferences_file()
        self.fault = ""
        self._is_newer = False  # the file is of a newer latentlab and is not written over
        self._value = self._with_theme(self._read(keep_backup=True))

    @property
    def value(self) -> Preferences:
        """The preferences that hold now."""
        return self._value

    def set(self, preferences: Preferences) -> None:
        """Let these hold, and write what differs from before: what another window has changed otherwise stays.

        Raises
        ------
        LatentlabError
            When they cannot be written; they hold in this window all the same.
        """
        before = self._value
        if preferences == before:
            return
        self._value = preferences
        self._settings.set_scheme(preferences.look.theme)
        self._settings.flush()
        self.changed.emit(before)
        if not self._is_newer:
            self._write(before, preferences)

    def reset(self) -> None:
        """Let the defaults hold."""
        self.set(Preferences())

    def _write(self, before: Preferences, after: Preferences) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = QLockFile(str(self._path) + ".change")
        is_locked = lock.tryLock(_LOCK_MS)
        try:
            write_preferences(self._path, _merged(self._read(keep_backup=False), before, after))
        finally:
            if is_locked:
                lock.unlock()

    def _read(self, *, keep_backup: bool) -> Preferences:
        if not os.path.lexists(self._path):
            return Preferences()
        try:
            return read_preferences(self._path)
        except NewerFileError as error:
            self._is_newer, self.fault = True, str(error)
        except LatentlabError as error:
            self.fault = str(error)
            if keep_backup:
                with suppress(OSError):
                    self.fault = f"The preferences could not be read and were kept as {set_aside(self._path)}: {error}"
        return Preferences()

    def _with_theme(self, preferences: Preferences) -> Preferences:
        look = preferences.look.model_copy(update={"theme": self._settings.scheme()})
        return preferences.model_copy(update={"look": look})


def _merged(on_disk: Preferences, before: Preferences, after: Preferences) -> Preferences:
    """What is on the disk, with the fields in which ``after`` differs from ``before``."""
    groups = {}
    for group in Preferences.model_fields:
        old, new, there = (getattr(each, group) for each in (before, after, on_disk))
        changes = {name: value for name, value in new if getattr(old, name) != value}
        groups[group] = there.model_copy(update=changes)
    return on_disk.model_copy(update=groups)
