"""The way out, in stages: ask, checkpoint, save, let the worker end, close."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, PauseTraining, TrainingState, WorkerLost
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets.dialogs import ask
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.run_status import RunState
from latentlab.state.session import Session

WORKER_SECONDS = 20.0
_SAVING = "saving the run"  # the activity
_WHAT_RUNS = {RunState.PAUSED: "A run is paused.", RunState.STOPPING: "A run is being stopped."}


class ShutdownController(QObject):
    """Closes the window once nothing can be lost by it.

    A live run is asked about once and checkpointed; where that fails the window stays, and says why. The worker then
    ends by itself within a bounded time. ``last_words`` is called when it is gone, to save what is left.

    Signals
    -------
    leaving
        The worker is about to end, and a live run with it.
    left
        Everything is closed; the program may quit.
    """

    leaving = Signal()
    left = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        window: MainWindow,
        activity: Activity,
        last_words: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._window, self._activity = session, engine, window, activity
        self._last_words = last_words
        self._leaving = False
        self._saving, self._failure = False, ""  # a checkpoint is waited for, and what has become of it
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(round(WORKER_SECONDS * 1000))
        self._patience.timeout.connect(self._on_no_answer)
        window.closeRequested.connect(self._on_close_requested)
        engine.failed.connect(self._on_failed)
        engine.trainingState.connect(self._on_state)
        engine.workerLost.connect(self._on_worker_lost)

    def _on_close_requested(self) -> None:
        if self._leaving or self._saving:
            return
        if self._session.run_is_live:
            ask(
                self._window,
                _WHAT_RUNS.get(self._session.run_state, "A run is still training."),
                "It is checkpointed before the window closes, and can be resumed from there.",
                "Save a checkpoint and close",
                self.save_and_leave,
            )
        else:
            self.leave()

    # --- saving first ---------------------------------------------------------------------------------

    def save_and_leave(self) -> None:
        """Leave once the live run is checkpointed; where it cannot be, ask again."""
        if not self._session.run_is_live:
            self.leave()
            return
        self._saving, self._failure = True, ""
        self._say_saving()
        self._patience.start()
        self._engine.request(PauseTraining())

    def _on_failed(self, failure: Failed) -> None:
        if not self._saving or failure.request not in ("Checkpoint", "PauseTraining", "Train"):
            return
        self._failure = failure.message
        if failure.request == PauseTraining.__name__:  # no state follows
            self._on_saved_or_not()

    def _on_state(self, result: TrainingState) -> None:
        if self._saving and result.state in (RunState.PAUSED, RunState.IDLE):
            self._on_saved_or_not()

    def _on_worker_lost(self, lost: WorkerLost) -> None:
        if self._saving:
            self._failure = lost.message
            self._on_saved_or_not()

    def _on_no_answer(self) -> None:
        self._failure = f"The worker has not answered for {WORKER_SECONDS:g} seconds."
        self._on_saved_or_not()

    def _on_saved_or_not(self) -> None:
        self._saving = False
        self._patience.stop()
        if not self._failure:
            self.leave()
            return
        self._activity.end(_SAVING)
        ask(
            self._window,
            "The run could not be saved.",
            f"{self._failure[:1].upper()}{self._failure[1:]}\n\n"
            "Closing now loses what it has learned since its last checkpoint.",
            "Close anyway",
            self.leave,
            no="Stay",
        )

    # --- leaving --------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Leave without asking, as a signal or a test does; a second call does nothing."""
        if self._leaving:
            return
        self._leaving = True
        if self._session.run_is_live:
            self._say_saving()
        # From the event loop: a closeEvent must not wait for the worker.
        QTimer.singleShot(0, self, self.finish)

    def finish(self) -> None:
        """End the worker and close the window; blocks no longer than the worker is given."""
        self._leaving, self._saving = True, False
        self._patience.stop()
        self.leaving.emit()
        self._engine.shutdown(WORKER_SECONDS)
        self._last_words()
        self._window.allow_close()
        self.left.emit()

    def _say_saving(self) -> None:
        self._activity.begin(_SAVING, ActivityEntry("Saving a checkpoint of the run …", is_busy=True))
