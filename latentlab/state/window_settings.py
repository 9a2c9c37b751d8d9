"""Geometry, theme and recent files, kept in QSettings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

from PySide6.QtCore import QByteArray, QSettings

from latentlab.paths import settings_file
from latentlab.state.settings_text import is_without_objects

MAX_RECENT = 10
_LONGEST_SOURCE = 4096
_LARGEST_FILE = 1 << 20  # bytes
Scheme = Literal["system", "light", "dark"]


class WindowSettings:
    """What the window remembers between starts.

    Attributes
    ----------
    set_aside
        Where an unreadable settings file was moved to, or ``None``.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = settings_file() if path is None else path
        self.set_aside: Path | None = None
        if not self._is_text():  # before Qt reads it
            self._set_aside()
        self._store = self._open()
        if self._store.status() != QSettings.Status.NoError:
            self._set_aside()
            self._store = self._open()

    def _open(self) -> QSettings:
        return QSettings(str(self._path), QSettings.Format.IniFormat)

    def _set_aside(self) -> None:
        self.set_aside = self._path.with_name(self._path.name + ".bad")
        os.replace(self._path, self.set_aside)

    def _is_text(self) -> bool:
        """Whether the file is missing, or can be settings: a small text without the objects that Qt would rebuild."""
        try:
            if not os.path.exists(self._path):
                return True
            if not os.path.isfile(self._path) or self._path.stat().st_size > _LARGEST_FILE:
                return False
            content = self._path.read_bytes()
        except OSError:
            return True
        return is_without_objects(content)

    # --- layout -------------------------------------------------------------------------------------

    def layout(self) -> tuple[bytes, bytes] | None:
        """The window's geometry and arrangement of docks."""
        geometry, state = self._store.value("window/geometry"), self._store.value("window/state")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return bytes(geometry.data()), bytes(state.data())
        return None

    def set_layout(self, layout: tuple[bytes, bytes]) -> None:
        """Remember the window's geometry and arrangement of docks."""
        self._store.setValue("window/geometry", QByteArray(layout[0]))
        self._store.setValue("window/state", QByteArray(layout[1]))

    def scheme(self) -> Scheme:
        """The colour scheme."""
        stored = self._store.value("window/scheme")
        return next((scheme for scheme in get_args(Scheme) if scheme == stored), "system")

    def set_scheme(self, scheme: Scheme) -> None:
        """Remember the colour scheme."""
        self._store.setValue("window/scheme", scheme)

    # --- recent files -------------------------------------------------------------------------------

    def recent(self) -> list[str]:
        """Recently opened sources, newest first."""
        stored = self._store.value("recent") or []
        entries = [stored] if isinstance(stored, str) else stored
        return [entry for entry in entries if isinstance(entry, str) and 0 < len(entry) <= _LONGEST_SOURCE][:MAX_RECENT]

    def add_recent(self, source: str) -> None:
        """Put a source first among the recent ones."""
        others = [entry for entry in self.recent() if entry != source]
        self._store.setValue("recent", [source, *others][:MAX_RECENT])

    def flush(self) -> None:
        """Write now."""
        self._store.sync()
