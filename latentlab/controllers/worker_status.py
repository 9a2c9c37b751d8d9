"""The worker's state in the status line, with the offer to restart it."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import FunctionRunning, RestartWorker, WorkerState, WorkerStatus
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.gui.widgets.dialogs import ask
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.session import Session

_WORKER, _FUNCTION = "worker", "function"  # ids of activities
LINGER_MS = 2000  # between two slow calls of a function that are counted as one wait


class WorkerStatusController(QObject):
    """Says what is wrong with the worker for as long as it is, before anything else that goes on.

    Parameters
    ----------
    window
        Parent of the question that is asked before a restart that a run would lose something by.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        activity: Activity,
        window: QWidget,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._activity, self._window = session, engine, activity, window
        self._waits_since: float | None = None  # time at which the first of several slow calls began
        self._end_of_wait = Debouncer(LINGER_MS, self._end_function, self)
        engine.workerStatus.connect(self._show)
        engine.functionRunning.connect(self._show_function)

    def _show(self, status: WorkerStatus) -> None:
        match status.state:
            case WorkerState.NOT_ANSWERING:
                maybe = "; a step of the run may take long" if status.run else ""
                self._begin(f"The worker does not answer{maybe}", "Restart the worker")
            case WorkerState.RESTARTING:
                self._begin("The worker is being started again")
            case WorkerState.GIVEN_UP:
                self._begin("The worker keeps ending and is not running", "Start the worker")
            case _:
                self._activity.end(_WORKER)

    def _show_function(self, running: FunctionRunning) -> None:
        """Say for how long a function of another process has kept the worker waiting, in one call or one after another.

        The message stays between two slow calls: it would else come and go, and never count beyond one call.
        """
        if not running.seconds:
            self._end_of_wait.debounce()
            return
        self._end_of_wait.cancel()
        now = time.monotonic()
        if self._waits_since is None:
            self._waits_since = now - running.seconds
        text = f"Your function {running.function} is running ({now - self._waits_since:.0f} s)"
        self._activity.begin(_FUNCTION, ActivityEntry(text, is_busy=True))

    def _end_function(self) -> None:
        self._waits_since = None
        self._activity.end(_FUNCTION)

    def _begin(self, text: str, action: str = "") -> None:
        entry = ActivityEntry(
            text,
            is_busy=not action,
            cancel=self._restart if action else None,
            cancel_text=action or "Cancel",
            is_fault=True,
        )
        self._activity.begin(_WORKER, entry)

    def _restart(self) -> None:
        if not self._session.run_is_active:
            self._send()
            return
        ask(
            self._window,
            "Restart the worker?",
            "The run loses what it has learned since its last checkpoint.",
            "Restart the worker",
            self._send,
            no="Wait",
        )

    def _send(self) -> None:
        self._engine.request(RestartWorker())
