"""Geometry, theme, recent files and lessons done, kept in QSettings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

from PySide6.QtCore import QByteArray, QLockFile, QSettings

from latentlab.paths import settings_file
from latentlab.state.settings_text import is_without_objects

MAX_RECENT = 10
"""Of each kind."""
RECENT_KINDS = ("session", "model", "run", "dataset", "image")
_LOCK_MS = 200
MAX_SHORTCUTS = 500
_LONGEST_KEYS = 100
_LONGEST_SOURCE = 4096
_LARGEST_FILE = 1 << 20  # bytes
_LONGEST_NAME, _MOST_LESSONS = 40, 500
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
        self._shortcuts: dict[str, str] = {}  # as this window has read or set them
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

    def has_seen_tour(self) -> bool:
        """Whether the hints of the first start have been shown."""
        return self._store.value("window/tour") in (True, "true")

    def set_tour_seen(self) -> None:
        """Remember that the hints of the first start have been shown."""
        self._store.setValue("window/tour", True)

    def shortcuts(self) -> dict[str, str]:
        """The shortcuts that the user has changed: keys by the name of the action, empty for none."""
        self._shortcuts = self._stored_shortcuts()
        return dict(self._shortcuts)

    def _stored_shortcuts(self) -> dict[str, str]:
        self._store.beginGroup("shortcuts")
        stored = {name: self._store.value(name) for name in self._store.childKeys()[:MAX_SHORTCUTS]}
        self._store.endGroup()
        return {
            name: keys
            for name, keys in stored.items()
            if isinstance(keys, str) and len(name) <= _LONGEST_KEYS and len(keys) <= _LONGEST_KEYS
        }

    def set_shortcuts(self, shortcuts: Mapping[str, str]) -> None:
        """Remember the shortcuts that the user has changed, and only these; what other windows have changed stays."""
        before, self._shortcuts = self._shortcuts, dict(shortcuts)
        changed = {name for name in {*before, *shortcuts} if before.get(name) != shortcuts.get(name)}
        with self._locked():
            self._store.sync()
            others = {name: keys for name, keys in self._stored_shortcuts().items() if name not in changed}
            self._store.remove("shortcuts")
            for name, keys in (others | {name: shortcuts[name] for name in changed if name in shortcuts}).items():
                self._store.setValue(f"shortcuts/{name}", keys)
            self._store.sync()

    # --- recent files -------------------------------------------------------------------------------

    def recent(self, kind: str) -> list[str]:
        """Recently opened sources of a kind, one of ``RECENT_KINDS``, newest first; of all windows that are open."""
        self._store.sync()
        return self._listed(f"recent/{kind}")

    def add_recent(self, kind: str, source: str) -> None:
        """Put a source first among the recent ones of its kind; what other windows have added stays."""
        if not 0 < len(source) <= _LONGEST_SOURCE:
            return
        with self._locked():
            others = [entry for entry in self.recent(kind) if entry != source]
            self._store.setValue(f"recent/{kind}", [source, *others][:MAX_RECENT])
            self._store.sync()

    def clear_recent(self) -> None:
        """Forget all recent sources."""
        with self._locked():
            for kind in RECENT_KINDS:
                self._store.remove(f"recent/{kind}")
            self._store.sync()

    def take_old_recent(self) -> list[str]:
        """The list without kinds that older versions have kept, newest first; it is removed."""
        found = self._listed("recent")
        if found:
            self._store.remove("recent")
        return found

    def _listed(self, key: str) -> list[str]:
        stored = self._store.value(key) or []
        entries = [stored] if isinstance(stored, str) else stored
        return [entry for entry in entries if isinstance(entry, str) and 0 < len(entry) <= _LONGEST_SOURCE][:MAX_RECENT]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let no other window change a list between its reading and its writing here."""
        lock = QLockFile(str(self._path) + ".change")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        is_locked = lock.tryLock(_LOCK_MS)  # without it at worst an entry of another window is lost
        try:
            yield
        finally:
            if is_locked:
                lock.unlock()

    # --- lessons ------------------------------------------------------------------------------------

    def lessons_done(self) -> frozenset[str]:
        """Names of the lessons that were done."""
        stored = self._store.value("lessons/done") or []
        entries = [stored] if isinstance(stored, str) else stored
        if not isinstance(entries, list):
            return frozenset()
        names = [each for each in entries if isinstance(each, str) and len(each) <= _LONGEST_NAME]
        return frozenset(names[:_MOST_LESSONS])

    def add_lesson_done(self, name: str) -> None:
        """Remember that a lesson was done; what other windows have added stays."""
        with self._locked():
            self._store.sync()
            others = sorted(self.lessons_done() - {name})[: _MOST_LESSONS - 1]
            self._store.setValue("lessons/done", [name, *others])
            self._store.sync()

    def flush(self) -> None:
        """Write now."""
        self._store.sync()
