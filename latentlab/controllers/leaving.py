"""The way out, in stages: ask, checkpoint, save, let the worker end, close."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.engine.client import EngineClient
from latentlab.gui.dialogs import ask
from latentlab.gui.main_window import MainWindow
from latentlab.session import Session

WORKER_SECONDS = 20.0


class LeavingController(QObject):
    """Closes the window once nothing can be lost by it.

    A live run is asked about once; it is then checkpointed by the worker, which ends by itself within a bounded
    time. ``last_words`` is called when the worker is gone, to save what is left.

    Signals
    -------
    left
        Everything is closed; the program may quit.
    """

    left = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        window: MainWindow,
        last_words: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._window, self._last_words = session, engine, window, last_words
        self._leaving = False
        window.closeRequested.connect(self._on_close_requested)

    def _on_close_requested(self) -> None:
        if self._leaving:
            return
        if self._session.run_is_live:
            ask(
                self._window,
                "A run is still training.",
                "It is checkpointed before the window closes, and can be resumed from there.",
                "Save a checkpoint and close",
                self.leave,
            )
        else:
            self.leave()

    def leave(self) -> None:
        """Leave without asking, as a signal or a test does; a second call does nothing."""
        if self._leaving:
            return
        self._leaving = True
        if self._session.run_is_live:
            self._window.status.set_message("Saving a checkpoint of the run …")
            self._window.status.set_progress(None, busy=True)
        # From the event loop: a closeEvent must not wait for the worker.
        QTimer.singleShot(0, self, self.finish)

    def finish(self) -> None:
        """End the worker and close the window; blocks no longer than the worker is given."""
        self._leaving = True
        self._engine.shutdown(WORKER_SECONDS)
        self._last_words()
        self._window.allow_close()
        self.left.emit()
