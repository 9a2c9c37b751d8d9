"""Closing the window, in stages: ask, checkpoint the run, end the worker, save, close."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, PauseTraining, TrainingState, WorkerLost
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.dialogs import ask
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.run_status import RunState
from latentlab.state.session import Session
from latentlab.utils.plain_text import as_line

WORKER_SECONDS = 20.0
_SAVING = "saving the run"  # id of the activity
_QUESTIONS = {RunState.PAUSED: "A run is paused.", RunState.STOPPING: "A run is being stopped."}


class ShutdownController(QObject):
    """Closes the window once nothing can be lost by it.

    With an active run the user is asked once, and the run is checkpointed; if that fails the window stays open and
    says why. The worker then ends by itself within a bounded time.

    Parameters
    ----------
    save_on_exit
        Called when the worker has ended, to save what is left.

    Signals
    -------
    closing
        The worker is about to end, and an active run with it.
    closed
        Everything is closed; the program may quit.
    """

    closing = Signal()
    closed = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        window: MainWindow,
        activity: Activity,
        save_on_exit: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._window, self._activity = session, engine, window, activity
        self._save_on_exit = save_on_exit
        self._is_closing = False
        self._is_saving, self._failure = False, ""  # whether a checkpoint is being written, and why it failed
        self._timeout = Debouncer(round(WORKER_SECONDS * 1000), self._on_timeout, self)
        window.closeRequested.connect(self._on_close_requested)
        engine.failed.connect(self._on_failed)
        engine.trainingState.connect(self._on_state)
        engine.workerLost.connect(self._on_worker_lost)

    def _on_close_requested(self) -> None:
        if self._is_closing or self._is_saving:
            return
        if self._session.run_is_active:
            ask(
                self._window,
                _QUESTIONS.get(self._session.run_state, "A run is still training."),
                "It is checkpointed before the window closes, and can be resumed from there.",
                "Save a checkpoint and close",
                self.save_and_close,
            )
        else:
            self.close()

    # --- saving first ---------------------------------------------------------------------------------

    def save_and_close(self) -> None:
        """Close once the active run is checkpointed; if it cannot be, ask again."""
        if not self._session.run_is_active:
            self.close()
            return
        self._is_saving, self._failure = True, ""
        self._show_saving()
        self._timeout.start()
        self._engine.request(PauseTraining())

    def _on_failed(self, failure: Failed) -> None:
        if not self._is_saving or failure.request not in ("Checkpoint", "PauseTraining", "Train"):
            return
        self._failure = failure.message
        if failure.request == PauseTraining.__name__:  # no state follows
            self._on_checkpoint_ended()

    def _on_state(self, result: TrainingState) -> None:
        if self._is_saving and result.state in (RunState.PAUSED, RunState.IDLE):
            self._on_checkpoint_ended()

    def _on_worker_lost(self, lost: WorkerLost) -> None:
        if self._is_saving:
            self._failure = lost.message
            self._on_checkpoint_ended()

    def _on_timeout(self) -> None:
        self._failure = f"The worker has not answered for {WORKER_SECONDS:g} seconds."
        self._on_checkpoint_ended()

    def _on_checkpoint_ended(self) -> None:
        self._is_saving = False
        self._timeout.cancel()
        if not self._failure:
            self.close()
            return
        self._activity.end(_SAVING)
        ask(
            self._window,
            "The run could not be saved.",
            f"{as_line(self._failure[:1].upper() + self._failure[1:])}\n\n"
            "Closing now loses what it has learned since its last checkpoint.",
            "Close anyway",
            self.close,
            no="Stay",
        )

    # --- closing --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close without asking, as a signal of the system or a test does; a second call does nothing."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._session.run_is_active:
            self._show_saving()
        # From the event loop: a closeEvent must not wait for the worker.
        QTimer.singleShot(0, self, self.finish)

    def finish(self) -> None:
        """End the worker and close the window; blocks no longer than the worker is given."""
        self._is_closing, self._is_saving = True, False
        self._timeout.cancel()
        self.closing.emit()
        self._engine.shutdown(WORKER_SECONDS)
        self._save_on_exit()
        self._window.allow_close()
        self.closed.emit()

    def _show_saving(self) -> None:
        self._activity.begin(_SAVING, ActivityEntry("Saving a checkpoint of the run …", is_busy=True))
