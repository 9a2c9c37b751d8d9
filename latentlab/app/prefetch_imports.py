"""What a run's curves need is imported before there is a run, when the hand rests."""

from __future__ import annotations

import threading
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

from latentlab.state.session import Session
from latentlab.utils.thread_priority import short_gil_switch_interval

REST_MS = 1000
_MODULES = ("superqt", "latentlab.gui.curves.canvas")  # pyqtgraph among them


class ImportPrefetcher(QObject):
    """Imports beside the event loop, once the latent has not moved for a while or, at the latest, images are open.

    At their first sight curves and slider would stall the window for as long as their import takes; and while a
    thread imports, the hand feels it too.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.begin)
        session.latentChanged.connect(self._timer.start)
        session.datasetChanged.connect(self.begin)

    def begin(self) -> None:
        """Import now."""
        self._timer.stop()
        if self._thread is None:
            self._session.latentChanged.disconnect(self._timer.start)
            self._thread = threading.Thread(target=_work, name="latentlab-import-ahead", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Import nothing any more, and wait for what is half imported."""
        self._timer.stop()
        if self._thread is not None:
            self._thread.join()


def _work() -> None:
    with short_gil_switch_interval():
        for name in _MODULES:
            import_module(name)
