"""Imports what a run's curves need before there is a run, while the latent is at rest."""

from __future__ import annotations

import threading
from importlib import import_module

from PySide6.QtCore import QObject

from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.session import Session
from latentlab.utils.thread_priority import short_gil_switch_interval

REST_MS = 1000
_MODULES = ("latentlab.gui.curves.canvas",)


class ImportPrefetcher(QObject):
    """Imports in a thread, once the latent has not moved for ``REST_MS``, or when images are opened.

    Otherwise the window would freeze for as long as the import takes when curves are first shown;
    and during an import in a thread, dragging is slower too.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: threading.Thread | None = None
        self._start = Debouncer(REST_MS, self.start, self)
        session.latentChanged.connect(self._start.debounce)
        session.datasetChanged.connect(self.start)

    def start(self) -> None:
        """Import now; a second call does nothing."""
        self._start.cancel()
        if self._thread is None:
            self._session.latentChanged.disconnect(self._start.debounce)
            self._thread = threading.Thread(target=_work, name="latentlab-prefetch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Start no import any more, and wait for the one that has begun."""
        self._start.cancel()
        if self._thread is not None:
            self._thread.join()


def _work() -> None:
    with short_gil_switch_interval():
        for name in _MODULES:
            import_module(name)
