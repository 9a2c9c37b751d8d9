"""The table of runs: those of this session and those in the runs' folder, by their own files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject

from latentlab import paths
from latentlab.controllers.model import ModelController
from latentlab.controllers.training import TrainingController
from latentlab.gui.runs_table import Column, RunsTable
from latentlab.session import Session
from latentlab.storage.run_summary import RunSummary, recent_runs, summarise_run

MOST = 40
COLUMNS = (
    Column("recipe"),
    Column("ELBO", "Best epoch, on the images held out, in nats per image, β = 1", ".1f"),
    Column("rate", "KL term, in nats per image", ".1f"),
    Column("distortion", "Minus the log-likelihood term, in nats per image", ".1f"),
    Column("in use", "Dimensions, or categorical latents, that carry more than 0.01 nat; others have collapsed", "d"),
    Column("latent_dim", "Size of the latent space", "d"),
    Column("epochs", "Done so far", "d"),
    Column("seconds", "Of training", ".1f"),
    Column("images/s", "Mean over the epochs", ".0f"),
    Column("seed", "Of the split, the weights and the batches: compare runs that share it", "d"),
    Column("data"),
)


class RunsController(QObject):
    """Keeps the table in step with the run folders; they are read only while the table is in sight."""

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
        self._known: dict[Path, tuple[int, RunSummary | None]] = {}  # by folder, with its numbers' time
        table.shown.connect(self._show)
        table.runChosen.connect(model.open)
        training.finished.connect(self._on_finished)

    def _on_finished(self, _event: object) -> None:
        folder = Path(self._session.run_folder)
        if folder not in self._own:
            self._own.insert(0, folder)
        if self._table.isVisible():
            self._show()

    def _show(self) -> None:
        folders = dict.fromkeys([*self._own, *recent_runs(paths.runs_folder(), MOST)])
        summaries = [summary for folder in folders if (summary := self._summary(folder)) is not None]
        self._table.set_rows(COLUMNS, [(summary.folder, _values(summary)) for summary in summaries])

    def _summary(self, folder: Path) -> RunSummary | None:
        try:
            changed = (folder / "metrics.jsonl").stat().st_mtime_ns
        except OSError:
            return None
        known = self._known.get(folder)
        if known is None or known[0] != changed:
            known = self._known[folder] = changed, summarise_run(folder)
        return known[1]


def _values(run: RunSummary) -> tuple[str | float | int | None, ...]:
    return (
        run.recipe, run.elbo, run.rate, run.distortion, run.active, run.latent_dim, run.epochs, run.seconds,
        run.images_per_second, run.seed, run.data,
    )  # fmt: skip
