"""The menu that chooses what the current model is compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu

from latentlab import paths
from latentlab.controllers.actions import MODEL_KINDS
from latentlab.controllers.compare import CompareController
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import RunSnapshots
from latentlab.gui.action_text import describe, set_reason
from latentlab.gui.main_window import MainWindow
from latentlab.gui.widgets import dialogs
from latentlab.gui.widgets.plain_text import add_action
from latentlab.state.session import Session
from latentlab.storage.snapshots import evenly

MAX_EPOCHS = 30  # entries for the epochs of a run


class CompareMenuController(QObject):
    """Fills Tools → Compare with: a model file, a run folder, a bundled model, an epoch of the run on screen.

    Parameters
    ----------
    bundled
        Source and title of each bundled model.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        compare: CompareController,
        window: MainWindow,
        bundled: Sequence[tuple[str, str]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._compare, self._window, self._bundled = session, compare, window, bundled
        self._run = ""
        self._epochs: tuple[int, ...] = ()  # those of the run that have snapshots
        engine.runSnapshots.connect(self._on_run_snapshots)
        window.compare_menu.aboutToShow.connect(self._fill)

    def _on_run_snapshots(self, result: RunSnapshots) -> None:
        self._run, self._epochs = result.run, result.epochs

    def _fill(self) -> None:
        menu, session = self._window.compare_menu, self._session
        menu.clear()
        no_model = "" if session.model is not None else "Open a model first"
        self._add(menu, "Model file…", self._choose_file, no_model)
        self._add(menu, "Run folder…", self._choose_run, no_model)
        menu.addSeparator()
        for source, title in self._bundled:
            self._add(menu, title, partial(self._compare.open, source), no_model)
        epochs = menu.addMenu("Epoch of this run")
        model = session.model
        is_of_run = model is not None and bool(self._run) and Path(model.source) == Path(self._run)
        has_epochs = is_of_run and bool(self._epochs)
        set_reason(epochs.menuAction(), "" if has_epochs else "The model is of no run with epochs that are kept")
        epochs.setEnabled(has_epochs)
        for epoch in evenly(self._epochs, MAX_EPOCHS) if is_of_run else ():
            self._add(epochs, f"Epoch {epoch}", partial(self._compare.open, self._run, epoch), "")
        menu.addSeparator()
        self._add(
            menu, "Leave the comparison", self._compare.close, "" if self._compare.is_open else "Nothing is compared"
        )

    def _add(self, menu: QMenu, text: str, chosen: Callable[[], object], refused: str) -> None:
        action = add_action(menu, text)
        describe(action, text, refused)
        action.setEnabled(not refused)
        action.triggered.connect(lambda _checked=False: chosen())

    def _choose_file(self) -> None:
        _start_in_runs(dialogs.choose_file(self._window, "Compare with a model", MODEL_KINDS, self._compare.open))

    def _choose_run(self) -> None:
        _start_in_runs(dialogs.choose_folder(self._window, "Compare with a run", self._compare.open))


def _start_in_runs(dialog: QFileDialog) -> None:
    folder = paths.runs_folder()
    if os.path.isdir(folder):
        dialog.setDirectory(str(folder))
