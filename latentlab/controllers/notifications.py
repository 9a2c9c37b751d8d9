"""Notifications and log lines about failures and results."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject

from latentlab.config.events import Event
from latentlab.controllers.run_messages import ending
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, ModelSaved, Notice, Request, RestartWorker, Train, WorkerLost
from latentlab.gui.widgets.toasts import Actions, Notification, Toasts
from latentlab.utils.plain_text import TEXT, as_line

log = logging.getLogger("latentlab")


class NotificationsController(QObject):
    """Turns the engine's failures and notices into notifications and log lines.

    Parameters
    ----------
    continue_run
        Called with the request that trains a run again whose worker was lost, if the user wants that.
    request_again
        Called with a request that was lost with its worker, if the user wants to send it again.
    """

    def __init__(
        self,
        engine: EngineClient,
        training: TrainingController,
        notifications: Toasts,
        continue_run: Callable[[Train], None],
        request_again: Callable[[Request], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._notifications, self._continue_run, self._request_again = notifications, continue_run, request_again
        self._given_up: Notification | None = None
        self._unsaved: list[Notification] = []  # that files of the active run could not be written
        engine.failed.connect(self._on_failed)
        for written in (engine.checkpointWritten, engine.epochCompleted, engine.trainingFinished):
            written.connect(self._on_run_written)
        engine.notice.connect(self._on_notice)
        engine.workerLost.connect(self._on_worker_lost)
        engine.workerReady.connect(self._on_worker_ready)
        engine.modelSaved.connect(self._on_saved)
        training.warned.connect(lambda message: self._notify("warning", message))
        training.finished.connect(lambda event: self._notify("info", ending(event), f"Its model is {event.model}"))

    def _notify(
        self, level: str, message: str, details: str = "", actions: Actions = (), important: bool = False
    ) -> Notification:
        message = as_line(message, TEXT)  # it may quote a name of several lines
        log.log(
            logging.INFO if level == "info" else logging.WARNING,
            "%s%s",
            message,
            f"\n{details}" if details else "",
            extra={"is_notice": True},  # the Log panel has its line from the notification
        )
        return self._notifications.notify(level, message, details, actions, important=important)

    def _on_failed(self, failure: Failed) -> None:
        actions: Actions = ()
        if failure.again is not None:
            is_start = isinstance(failure.again, RestartWorker)
            actions = (("Start the worker" if is_start else "Try again", partial(self._request_again, failure.again)),)
        is_unsaved = failure.request == "Checkpoint"
        is_important = is_unsaved or isinstance(failure.again, RestartWorker)
        shown = self._notify("error", failure.message, failure.details, actions, important=is_important)
        if is_unsaved:
            self._unsaved.append(shown)
        elif isinstance(failure.again, RestartWorker):
            self._given_up = shown

    def _on_run_written(self, _event: Event) -> None:
        """Remove the warnings of a full disk: the run could be written."""
        while self._unsaved:
            self._unsaved.pop().withdraw()

    def _on_notice(self, notice: Notice) -> None:
        self._notify("info", notice.message, notice.details)

    def _on_worker_lost(self, lost: WorkerLost) -> None:
        actions: Actions = ()
        if lost.again is not None:
            text = "Resume from the checkpoint" if lost.has_checkpoint else "Start the run again"
            actions = ((text, partial(self._continue_run, lost.again)),)
        self._notify("error", lost.message, lost.details, actions, important=True)

    def _on_worker_ready(self, _ready: object) -> None:
        """Remove the message that no worker is started any more."""
        if self._given_up is not None:
            self._given_up.withdraw()
            self._given_up = None

    def _on_saved(self, result: ModelSaved) -> None:
        self._notify("info", f"Saved {result.path}")
