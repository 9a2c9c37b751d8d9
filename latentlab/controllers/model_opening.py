"""The status line while a model is being opened: a large package is tested before anything of it is shown."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from latentlab.controllers.model import ModelController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import Failed, ModelChanged, OpenModel, WorkBegun
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.activity import Activity, ActivityEntry

SOON_MS = 300
"""Most models are open before that, and no message appears."""
_OPENING = "opening the model"  # id of the activity


class ModelOpeningController(QObject):
    """Says which model is being opened, from a moment after it was asked for until it is open or refused."""

    def __init__(
        self, engine: EngineClient, model: ModelController, activity: Activity, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._activity = activity
        self._name = ""
        self._soon = Debouncer(SOON_MS, self._begin, self)
        model.opening.connect(self._on_opening)
        engine.workBegun.connect(self._on_work_begun)
        engine.modelChanged.connect(self._on_model_changed)
        engine.failed.connect(self._on_failed)
        for ended in (engine.modelClosed, engine.workerLost):
            ended.connect(lambda _result: self._end())

    def _on_opening(self, source: str) -> None:
        self._name = source if source.startswith("bundled:") else Path(source).name
        self._soon.throttle()

    def _on_work_begun(self, begun: WorkBegun) -> None:
        """Also say it of a model that is opened with a session, or again after the worker's end."""
        if begun.request == OpenModel.__name__:
            self._soon.throttle()

    def _begin(self) -> None:
        self._activity.begin(_OPENING, ActivityEntry(f"Opening {self._name or 'the model'} …", is_busy=True))

    def _on_model_changed(self, result: ModelChanged) -> None:
        if result.is_new_model:
            self._end()

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == OpenModel.__name__:
            self._end()

    def _end(self) -> None:
        self._name = ""
        self._soon.cancel()
        self._activity.end(_OPENING)
