"""Comparing runs: curves of other run folders beside the current run's, also while these are trained."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject

from latentlab.controllers.opened_run import draw_event
from latentlab.controllers.run_messages import likelihood_of
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import CompareRuns, RunFollowed
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.curves.runs_table import RunsTable
from latentlab.gui.widgets.toasts import Toasts
from latentlab.storage import RunFolder


class RunComparisonController(QObject):
    """Draws the curves of the runs that the user compares, as the engine reads them.

    Parameters
    ----------
    choose
        Lets the user choose a folder, and calls the given function with its path.
    """

    def __init__(
        self,
        engine: EngineClient,
        curves: TrainingCurves,
        table: RunsTable,
        choose: Callable[[Callable[[str], object]], object],
        notifications: Toasts,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine, self._curves, self._notifications = engine, curves, notifications
        self._runs: list[str] = []
        table.compareRequested.connect(self.compare)
        curves.addRunRequested.connect(lambda: choose(lambda folder: self.compare([folder])))
        curves.runRemoved.connect(self._on_run_removed)
        engine.runFollowed.connect(self._on_run_followed)
        engine.workerReady.connect(self._on_worker_ready)

    def compare(self, folders: Iterable[str]) -> None:
        """Draw the curves of these run folders as well."""
        for folder in folders:
            if not os.path.exists(RunFolder(folder).record):
                self._notifications.notify("warning", f"{folder} is not a run folder; it cannot be compared.")
            elif folder not in self._runs and folder not in self._curves.run_keys():
                self._runs.append(folder)
                self._curves.compare_run(Path(folder).name, folder)
                self._curves.set_likelihood(folder, likelihood_of(folder))
        self._request()

    def _request(self) -> None:
        self._engine.request(CompareRuns(tuple(self._runs)))

    def _on_run_removed(self, key: str) -> None:
        if key in self._runs:
            self._runs.remove(key)
            self._request()

    def _on_worker_ready(self, _ready: object) -> None:
        """Repeat the request for a restarted worker."""
        if self._runs:
            self._request()

    def _on_run_followed(self, result: RunFollowed) -> None:
        # A run that has been opened since, or is trained in this window, is drawn by other controllers.
        if result.compared and result.run in self._runs and result.run != self._curves.current_run():
            for event in result.events:
                draw_event(self._curves, event, result.run)
