"""The table of runs: those of this session and those in the runs folder, read from their files."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QObject, QThread

from latentlab import paths
from latentlab.config.layout import ACTIVE_KL
from latentlab.controllers.model import ModelController
from latentlab.controllers.training import TrainingController
from latentlab.gui.curves.runs_table import Column, RunsTable
from latentlab.state.session import Session
from latentlab.storage.run_summary import RunSummary, recent_runs, summarise_run

MAX_RUNS = 40
_MAX_NAME = 20  # letters of a name in the table
COLUMNS = (
    Column("recipe"),
    Column("run", "When it was started, or the name of its folder"),
    Column("ELBO", "Best epoch, on held-out images, in nats per image, at β = 1", ".1f"),
    Column("rate", "KL term, in nats per image", ".1f"),
    Column("distortion", "Minus the log-likelihood term, in nats per image", ".1f"),
    Column(
        "in use", f"Dimensions, or categorical latents, with a KL above {ACTIVE_KL:g} nat; others have collapsed", "d"
    ),
    Column("latent_dim", "Size of the latent space", "d"),
    Column("epochs", "Completed so far", "d"),
    Column("seconds", "Of training", ".1f"),
    Column("images/s", "Mean over the epochs", ".0f"),
    Column("seed", "Of the split, the weights and the batches: compare runs with the same seed", "d"),
    Column("data"),
    Column("folder", "Name of the run folder"),
)


Summaries = dict[Path, tuple[int, RunSummary | None]]
"""By folder, with the time at which its metrics were written."""


class RunsController(QObject):
    """Keeps the table up to date with the run folders: at the start, when it becomes visible, and after a run.

    Forty runs of a hundred epochs take a moment to read, longer on a shared disk: a thread reads them.
    """

    def __init__(
        self,
        session: Session,
        training: TrainingController,
        model: ModelController,
        table: RunsTable,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._table = session, table
        self._own: list[Path] = []  # folders of this session's runs, also outside the runs folder
        self._summaries: Summaries = {}
        self._reading: _Reading | None = None
        self._is_outdated = self._is_closed = False
        table.shown.connect(self.refresh)
        table.runChosen.connect(model.open)
        training.finished.connect(self._on_finished)
        self.refresh()

    def refresh(self) -> None:
        """Read the runs that have changed, and show them afterwards."""
        if self._is_closed:
            return
        if self._reading is not None:
            self._is_outdated = True
            return
        self._reading = _Reading(tuple(self._own), self._summaries, self)
        self._reading.finished.connect(self._on_read)
        self._reading.start(QThread.Priority.LowPriority)

    def close(self) -> None:
        """Wait for the thread, and read nothing more."""
        self._is_closed = True
        if self._reading is not None:
            self._reading.requestInterruption()
            self._reading.wait()

    def _on_finished(self, _event: object) -> None:
        folder = Path(self._session.run_folder)
        if folder not in self._own:
            self._own.insert(0, folder)
        self.refresh()

    def _on_read(self) -> None:
        reading, self._reading = self._reading, None
        if reading is None or self._is_closed:
            return
        if list(reading.found.items()) != list(self._summaries.items()):  # else order and selection of the rows stay
            summaries = [summary for _, summary in reading.found.values() if summary is not None]
            self._table.set_rows(COLUMNS, [(summary.folder, _values(summary)) for summary in summaries])
        self._summaries = reading.found
        reading.deleteLater()
        if self._is_outdated:
            self._is_outdated = False
            self.refresh()


class _Reading(QThread):
    """Summarises the runs, newest first; of ``known`` ones only those whose metrics have changed."""

    def __init__(self, own: tuple[Path, ...], known: Summaries, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("latentlab-runs")
        self.found: Summaries = {}
        self._own, self._known = own, known

    def run(self) -> None:
        """Read the runs, in this thread."""
        for folder in dict.fromkeys([*self._own, *recent_runs(paths.runs_folder(), MAX_RUNS)]):
            if self.isInterruptionRequested():
                return
            try:
                changed = (folder / "metrics.jsonl").stat().st_mtime_ns
            except OSError:
                continue
            known = self._known.get(folder)
            self.found[folder] = known if known and known[0] == changed else (changed, summarise_run(folder))


def _values(run: RunSummary) -> tuple[str | float | int | None, ...]:
    name = Path(run.folder).name
    return (
        run.recipe, _short_name(name), run.elbo, run.rate, run.distortion, run.active, run.latent_dim, run.epochs,
        run.seconds, run.images_per_second, run.seed, run.data, name,
    )  # fmt: skip


def _short_name(folder: str) -> str:
    """The start time, as ``11-21 07:08:32``, if the window named the folder, else the beginning of its name."""
    match = re.match(r"\d{4}-(\d\d-\d\d)-(\d\d)(\d\d)(\d\d)-", folder)
    if match is not None:
        day, hour, minute, second = match.groups()
        return f"{day} {hour}:{minute}:{second}"
    return folder if len(folder) <= _MAX_NAME else f"{folder[: _MAX_NAME - 1]}…"
