"""What went wrong or well, said once, where it does not get in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject

from latentlab.config.events import Event
from latentlab.controllers.run_messages import ending
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, ModelSaved, Notice, WorkerLost
from latentlab.gui.widgets.toasts import Actions, Notification, Toasts

log = logging.getLogger("latentlab")


class NotificationsController(QObject):
    """Turns the engine's failures and notices into notifications and log lines.

    ``continue_run(folder)`` is offered after a worker was lost in the middle of a run.
    """

    def __init__(
        self,
        engine: EngineClient,
        training: TrainingController,
        notifications: Toasts,
        continue_run: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._notifications, self._continue_run = notifications, continue_run
        self._unsaved: list[Notification] = []  # that a live run's files could not be written
        engine.failed.connect(self._on_failed)
        for written in (engine.checkpointWritten, engine.epochCompleted, engine.trainingFinished):
            written.connect(self._on_run_written)
        engine.notice.connect(self._on_notice)
        engine.workerLost.connect(self._on_worker_lost)
        engine.modelSaved.connect(self._on_saved)
        training.warned.connect(lambda message: self._tell("warning", message))
        training.finished.connect(lambda event: self._tell("info", ending(event), f"Its model is {event.model}"))

    def _tell(self, level: str, message: str, details: str = "", actions: Actions = ()) -> Notification:
        log.log(
            logging.INFO if level == "info" else logging.WARNING, "%s%s", message, f"\n{details}" if details else ""
        )
        return self._notifications.notify(level, message, details, actions)

    def _on_failed(self, failure: Failed) -> None:
        shown = self._tell("error", failure.message, failure.details)
        if failure.request == "Checkpoint":
            self._unsaved.append(shown)

    def _on_run_written(self, _event: Event) -> None:
        """A full disk is full no more when the run has been written."""
        while self._unsaved:
            self._unsaved.pop().withdraw()

    def _on_notice(self, notice: Notice) -> None:
        self._tell("info", notice.message, notice.details)

    def _on_worker_lost(self, lost: WorkerLost) -> None:
        actions = (("Go on from the checkpoint", lambda: self._continue_run(lost.run)),) if lost.run else ()
        self._tell("error", lost.message, lost.details, actions)

    def _on_saved(self, result: ModelSaved) -> None:
        self._tell("info", f"Saved {result.path}")
