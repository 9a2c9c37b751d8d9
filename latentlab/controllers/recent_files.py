"""What was opened recently: models, runs, images and sessions, in the menu File → Open recent."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import QObject

from latentlab.controllers.background import Background
from latentlab.gui.main_window import MainWindow, RecentGroup
from latentlab.state.window_settings import RECENT_KINDS, WindowSettings
from latentlab.storage.explored_model import is_of_other_process
from latentlab.storage.session_places import exists
from latentlab.storage.source_kind import RUN_FILES, kind_of
from latentlab.utils.source_names import parts_of

_TITLES = {"session": "Sessions", "model": "Models", "run": "Runs", "dataset": "Images", "image": "Single images"}


class RecentFilesController(QObject):
    """Fills the menu of recent sources, and greys those that are missing.

    Whether they exist is looked up in a thread, each time the menu is shown: a network drive may take long to answer.
    """

    def __init__(
        self,
        window: MainWindow,
        settings: WindowSettings,
        open_source: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._settings = window, settings
        self._missing: frozenset[str] = frozenset()
        self._disk = Background(self._on_looked, self)
        window.recentChosen.connect(open_source)
        window.recentCleared.connect(self.clear)
        window.recentShown.connect(self._on_shown)
        for source in reversed(settings.take_old_recent()):
            self._settings.add_recent(_kind(source), source)
        self._show()

    def add(self, source: str) -> None:
        """Put a source first among those of its kind.

        Not listed is what is shipped with the program, and what is gone with the process that has opened this window.
        """
        if source.startswith("bundled:") or is_of_other_process(source):
            return
        self._settings.add_recent(_kind(source), source)
        self._missing -= {source}
        self._show()

    def clear(self) -> None:
        """Forget all of them."""
        self._settings.clear_recent()
        self._show()

    def _on_shown(self) -> None:
        """Show what other windows have opened meanwhile, and look which of all are still there."""
        self._show()
        sources = [source for kind in RECENT_KINDS for source in self._settings.recent(kind)]
        self._disk.run(lambda: frozenset(source for source in sources if not all(map(exists, parts_of(source)))))

    def _on_looked(self, missing: frozenset[str]) -> None:
        if missing != self._missing:
            self._missing = missing
            self._show()

    def _show(self) -> None:
        groups = []
        for kind in RECENT_KINDS:
            paths = tuple(self._settings.recent(kind))
            if paths:
                groups.append(RecentGroup(_TITLES[kind], paths, self._missing.intersection(paths)))
        self._window.set_recent(groups)


def _kind(source: str) -> str:
    kind = kind_of(source)
    is_run = kind == "model" and any(os.path.isfile(os.path.join(source, name)) for name in RUN_FILES)
    return "run" if is_run else kind
