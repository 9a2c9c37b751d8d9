"""A notification of the desktop when a run ends while the window is not in front."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from latentlab.config.events import Finished
from latentlab.controllers.run_messages import ending
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, Train, WorkerLost
from latentlab.utils.plain_text import TEXT, as_line

Notify = Callable[[str, str], None]
"""Shows a title and a text on the desktop."""


class DesktopNoticeController(QObject):
    """Tells the desktop how a run ended, unless the user is looking at the window.

    Parameters
    ----------
    notify
        Shows a title and a text on the desktop.
    is_wanted
        Whether the user wants that.
    """

    def __init__(
        self,
        engine: EngineClient,
        training: TrainingController,
        window: QWidget,
        notify: Notify,
        is_wanted: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._notify, self._is_wanted = window, notify, is_wanted
        training.finished.connect(self._on_finished)
        engine.failed.connect(self._on_failed)
        engine.workerLost.connect(self._on_lost)

    def _on_finished(self, event: Finished) -> None:
        self._tell("A run has ended", ending(event))

    def _on_failed(self, failure: Failed) -> None:
        if failure.request in (Train.__name__, "Checkpoint"):
            title = "A run has failed" if failure.request == Train.__name__ else "A run is paused"
            self._tell(title, failure.message)

    def _on_lost(self, lost: WorkerLost) -> None:
        if lost.again is not None:
            self._tell("A run was interrupted", lost.message)

    def _tell(self, title: str, text: str) -> None:
        if self._window.isActiveWindow() or not self._is_wanted():
            return
        QApplication.alert(self._window)
        self._notify(title, as_line(text, TEXT))
