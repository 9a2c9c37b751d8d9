"""Preferences: the dialog, and what follows when one of them is changed."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from latentlab.config.preferences import Preferences
from latentlab.controllers.background import Background
from latentlab.controllers.frame_rate import FrameRateController
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import RestartWorker, WorkerReady
from latentlab.errors import LatentlabError
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.style import theme
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.preferences_dialog import PreferencesDialog
from latentlab.gui.widgets.toasts import Notification
from latentlab.paths import CACHE_SIZE_VARIABLE, CACHE_VARIABLE
from latentlab.state.preference_store import PreferenceStore
from latentlab.state.session import Session
from latentlab.state.window_settings import Scheme
from latentlab.storage.preferences_file import read_preferences, write_preferences
from latentlab.utils.memory import format_bytes
from latentlab.utils.palettes import choose_palette

KINDS, FILE = "Preferences (*.json)", "latentlab-preferences.json"


class PreferencesController(QObject):
    """Shows the preferences, applies each change at once where that is possible, and says where it is not.

    Device and cache are the worker's from its start on: a notice offers to restart it.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        store: PreferenceStore,
        training: TrainingController,
        frame_rate: FrameRateController,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._store, self._training = session, engine, store, training
        self._frame_rate, self._window = frame_rate, window
        self._devices: tuple[str, ...] = ()
        self._dialog: PreferencesDialog | None = None
        self._restart: Notification | None = None
        self._disk = Background(self._on_cache_measured, self)
        a = window.actions_
        self._schemes: dict[Scheme, QAction] = {
            "system": a.theme_system,
            "light": a.theme_light,
            "dark": a.theme_dark,
        }
        for scheme, action in self._schemes.items():
            action.triggered.connect(partial(self._on_scheme_chosen, scheme))
        a.preferences.triggered.connect(self.show)
        store.changed.connect(self._on_changed)
        engine.workerReady.connect(self._on_worker_ready)
        if store.fault:
            window.notifications.notify("warning", store.fault, important=True)
        self._apply(store.value)

    # --- the dialog -----------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the dialog."""
        dialog = self._dialog = PreferencesDialog(self._devices, self._window)
        dialog.set_preferences(self._store.value)
        dialog.chosen.connect(self._set)
        dialog.resetRequested.connect(lambda: self._set(Preferences()))
        dialog.importRequested.connect(lambda: dialogs.choose_file(dialog, "Import preferences", KINDS, self.import_))
        dialog.exportRequested.connect(
            lambda: dialogs.choose_target(
                dialog, "Export preferences", "latentlab-preferences.json", KINDS, self.export
            )
        )
        dialog.clearCacheRequested.connect(lambda: self._measure_cache(clear=True))
        dialog.finished.connect(self._on_closed)
        dialog.open()
        self._measure_cache()

    def _on_closed(self, _result: int) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
            self._dialog = None

    def _set(self, preferences: Preferences) -> None:
        try:
            self._store.set(preferences)
        except LatentlabError as error:
            self._window.notifications.notify("warning", f"The preferences are not saved: {error}")

    def import_(self, path: str) -> None:
        """Take the preferences of a file."""
        try:
            preferences = read_preferences(Path(path))
        except LatentlabError as error:
            self._window.notifications.notify("warning", str(error))
            return
        self._set(preferences)

    def export(self, path: str) -> None:
        """Write the preferences to a file."""
        try:
            write_preferences(Path(path), self._store.value)
        except LatentlabError as error:
            self._window.notifications.notify("warning", str(error))
            return
        self._window.notifications.notify("info", f"Saved {path}")

    # --- the cache ------------------------------------------------------------------------------------

    def _measure_cache(self, *, clear: bool = False) -> None:
        """Measure the cache, or empty it, in a thread: it may have many files on a slow disk."""
        if self._dialog is not None:
            self._dialog.set_cache_size("clearing …" if clear else "measuring …")
        self._disk.run(partial(_cache_size, clear=clear))

    def _on_cache_measured(self, size: int) -> None:
        if self._dialog is not None:
            self._dialog.set_cache_size(f"{format_bytes(size)} of decoded images" if size else "no decoded images")

    # --- what follows ---------------------------------------------------------------------------------

    def _on_worker_ready(self, ready: WorkerReady) -> None:
        self._devices = tuple(ready.devices)
        if self._restart is not None:
            self._restart.withdraw()
            self._restart = None

    def _on_scheme_chosen(self, scheme: Scheme, _checked: bool = False) -> None:
        before = self._store.value
        self._set(before.model_copy(update={"look": before.look.model_copy(update={"theme": scheme})}))

    def _on_changed(self, before: Preferences) -> None:
        after = self._store.value
        if self._dialog is not None:
            self._dialog.set_preferences(after)
        self._apply(after, before)
        if (after.worker, after.cache) != (before.worker, before.cache):
            self._offer_restart()

    def _apply(self, now: Preferences, before: Preferences | None = None) -> None:
        look = now.look
        self._schemes[look.theme].setChecked(True)
        if before is not None and before.look.theme != look.theme:
            theme.set_scheme(look.theme)
        if choose_palette(look.palette):
            for latent_map in self._window.findChildren(LatentMap):
                latent_map.set_theme(theme.current_theme())
        self._frame_rate.set_shown(look.frame_rate)
        if before is None or before.runs != now.runs:
            self._training.set_defaults(now.runs.model_dump())
        if before is not None and before.cache != now.cache:
            os.environ[CACHE_VARIABLE] = now.cache.folder
            os.environ[CACHE_SIZE_VARIABLE] = str(now.cache.gigabytes)
            self._measure_cache()
        if before is not None and before.worker != now.worker:
            self._engine.set_device(now.worker.device)

    def _offer_restart(self) -> None:
        """Say that the worker has what it was started with, and offer another one if no run would lose by it."""
        if self._restart is not None:
            self._restart.withdraw()
        can = not self._session.run_is_active
        self._restart = self._window.notifications.notify(
            "info",
            "Device and cache are used by the next worker.",
            actions=[("Restart the worker now", lambda: self._engine.request(RestartWorker()))] if can else (),
        )


def _cache_size(*, clear: bool) -> int:
    from latentlab.data.loading.cache import Cache  # numpy's memory maps: not needed to build the window

    cache = Cache()
    if clear:
        cache.clear()
    return cache.size()
