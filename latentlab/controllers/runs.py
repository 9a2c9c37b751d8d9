"""The table of runs: those of this session and those in the runs' folder, by their own files."""

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

MOST = 40
_LONGEST = 20  # letters of a name beside the numbers
COLUMNS = (
    Column("recipe"),
    Column("run", "When it was begun, or its folder's name"),
    Column("ELBO", "Best epoch, on the images held out, in nats per image, β = 1", ".1f"),
    Column("rate", "KL term, in nats per image", ".1f"),
    Column("distortion", "Minus the log-likelihood term, in nats per image", ".1f"),
    Column(
        "in use", f"Dimensions, or categorical latents, with a KL above {ACTIVE_KL:g} nat; others have collapsed", "d"
    ),
    Column("latent_dim", "Size of the latent space", "d"),
    Column("epochs", "Done so far", "d"),
    Column("seconds", "Of training", ".1f"),
    Column("images/s", "Mean over the epochs", ".0f"),
    Column("seed", "Of the split, the weights and the batches: compare runs that share it", "d"),
    Column("data"),
    Column("folder", "Its name"),
)


Known = dict[Path, tuple[int, RunSummary | None]]  # by folder, with its numbers' time


class RunsController(QObject):
    """Keeps the table in step with the run folders: read at the start, when it comes into sight, and after a run.

    Forty runs of a hundred epochs take a moment to read, on a shared disk a long one: a thread does.
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
        self._own: list[Path] = []  # folders of this session's runs, wherever they are
        self._known: Known = {}
        self._reading: _Reading | None = None
        self._again = self._closed = False
        table.shown.connect(self.look)
        table.runChosen.connect(model.open)
        training.finished.connect(self._on_finished)
        self.look()

    def look(self) -> None:
        """Read what has changed, and show it when that is done."""
        if self._closed:
            return
        if self._reading is not None:
            self._again = True
            return
        self._reading = _Reading(tuple(self._own), self._known, self)
        self._reading.finished.connect(self._on_read)
        self._reading.start(QThread.Priority.LowPriority)

    def close(self) -> None:
        """Wait for what is being read, and read nothing more: the window goes."""
        self._closed = True
        if self._reading is not None:
            self._reading.requestInterruption()
            self._reading.wait()

    def _on_finished(self, _event: object) -> None:
        folder = Path(self._session.run_folder)
        if folder not in self._own:
            self._own.insert(0, folder)
        self.look()

    def _on_read(self) -> None:
        reading, self._reading = self._reading, None
        if reading is None or self._closed:
            return
        if list(reading.found.items()) != list(self._known.items()):  # else leave order and choice of rows alone
            summaries = [summary for _, summary in reading.found.values() if summary is not None]
            self._table.set_rows(COLUMNS, [(summary.folder, _values(summary)) for summary in summaries])
        self._known = reading.found
        reading.deleteLater()
        if self._again:
            self._again = False
            self.look()


class _Reading(QThread):
    """Reads the runs' numbers once, those of ``known`` again only where they have changed; newest first."""

    def __init__(self, own: tuple[Path, ...], known: Known, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("latentlab-runs")
        self.found: Known = {}
        self._own, self._known = own, known

    def run(self) -> None:
        """Read; in a thread of its own."""
        for folder in dict.fromkeys([*self._own, *recent_runs(paths.runs_folder(), MOST)]):
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
    """``11-21 07:08:32`` of a run that the window named, so that two can be told apart; else the name's beginning."""
    begun = re.match(r"\d{4}-(\d\d-\d\d)-(\d\d)(\d\d)(\d\d)-", folder)
    if begun is not None:
        day, hour, minute, second = begun.groups()
        return f"{day} {hour}:{minute}:{second}"
    return folder if len(folder) <= _LONGEST else f"{folder[: _LONGEST - 1]}…"
