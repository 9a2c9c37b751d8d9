"""The run's history: the scrubber's wishes to the engine; a past epoch to map, filmstrip and curves."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Literal, cast

from PySide6.QtCore import QObject, QTimer

from latentlab.config.events import Epoch, Progress
from latentlab.controllers.generations import Generations
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    EpochsRead,
    ModelChanged,
    ReadEpochs,
    ReadSnapshot,
    RunFollowed,
    RunSnapshots,
    SnapshotRead,
)
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.panels.filmstrip import BY_EPOCH, Filmstrip
from latentlab.gui.panels.snapshot_bar import SnapshotBar
from latentlab.state.session import Session

PAUSE_MS = 600  # between two readings of the strip over epochs: while short epochs pass it is not read for each


class SnapshotsController(QObject):
    """Lets the user look back at the epochs of the live or opened run.

    The past is a picture: what is decoded is today's model. Committing a latent, by the map or by a slider,
    therefore leads back to the present.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        latent_map: LatentMap,
        bar: SnapshotBar,
        filmstrip: Filmstrip,
        curves: TrainingCurves,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine, self._map = session, engine, latent_map
        self._bar, self._filmstrip, self._curves = bar, filmstrip, curves
        self._run = ""
        self._followed, self._highest = "", -inf  # an opened run, and its best epoch's validation ELBO
        self._wanted: int | None = None  # the epoch that is, or is about to be, looked at
        self._fresh, self._fresh_strip = Generations(), Generations()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._ask_strip)

        bar.epochChosen.connect(self.look_at)
        bar.nowChosen.connect(self.return_to_now)
        filmstrip.epochPicked.connect(self.look_at)
        filmstrip.epochsWanted.connect(self._ask_strip)
        latent_map.committed.connect(self.return_to_now)
        session.latentChanged.connect(self.return_to_now)
        session.modelChanged.connect(self._on_model_changed)
        session.pastChanged.connect(self._on_past_changed)
        engine.runSnapshots.connect(self._on_run_snapshots)
        engine.trainingProgressed.connect(self._on_progress)
        engine.epochCompleted.connect(self._on_epoch)
        engine.trainingFinished.connect(lambda event: bar.set_best(event.best_epoch))
        engine.runFollowed.connect(self._on_run_followed)
        engine.modelChanged.connect(self._on_weights_changed)
        engine.snapshotRead.connect(self._on_snapshot_read)
        engine.epochsRead.connect(self._on_epochs_read)
        engine.workerReady.connect(self._on_worker_ready)

    def look_at(self, epoch: int) -> None:
        """Show the epoch as soon as it is read."""
        if self._run:
            self._wanted = epoch
            self._bar.set_shown(epoch)
            self._engine.request(ReadSnapshot(self._fresh.ask(), self._run, epoch))

    def return_to_now(self, *_: object) -> None:
        """Show the live model again."""
        self._fresh.forget()
        self._wanted = None
        self._bar.set_shown(None)
        self._session.set_past(None)

    def close(self) -> None:
        """Ask nothing more: the window goes."""
        self._pause.stop()
        self._bar.set_shown(None)

    # --- news ---------------------------------------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self.return_to_now()
            self._tell("", ())
            self._followed = ""  # opened again, a run's best epoch is looked for among all its epochs again

    def _on_run_snapshots(self, result: RunSnapshots) -> None:
        model = self._session.model
        if model is None or Path(model.source) != Path(result.run):
            return
        self._tell(result.run, result.epochs)
        self._look_elsewhere(result.epochs)
        if self._filmstrip.wants_epochs() and not self._pause.isActive():
            self._pause.start()

    def _tell(self, run: str, epochs: tuple[int, ...]) -> None:
        self._run = run
        self._bar.set_epochs(epochs)
        self._filmstrip.set_has_epochs(bool(epochs))

    def _on_progress(self, event: Progress) -> None:
        if event.steps:
            self._bar.set_best(0)
            self._bar.set_done(event.epochs * event.step / event.steps)

    def _on_epoch(self, event: Epoch) -> None:
        self._bar.set_done(event.epoch)

    def _on_run_followed(self, result: RunFollowed) -> None:
        """Count the epochs of an opened run: what is shown of it is the best model it has kept."""
        if result.compared or self._session.run_is_live:
            return
        if result.run != self._followed:
            self._followed, self._highest = result.run, -inf
        for event in result.events:
            if isinstance(event, Epoch):
                self._on_epoch(event)
                elbo = (event.validation or {}).get("elbo", -inf)
                if elbo > self._highest:
                    self._highest = elbo
                    self._bar.set_best(event.epoch)

    def _on_weights_changed(self, result: ModelChanged) -> None:
        """Name the epoch that the map is of, to the last step before a pause or the end."""
        if result.epoch:
            self._bar.set_done(round(result.epoch, 3))

    def _look_elsewhere(self, epochs: tuple[int, ...]) -> None:
        """Go to the nearest epoch where the one that is wanted could not be read."""
        wanted, past = self._wanted, self._session.past
        if wanted is None or wanted in epochs or (past is not None and past.epoch == wanted):
            return
        if epochs:
            self.look_at(min(epochs, key=lambda epoch: abs(epoch - wanted)))
        else:
            self.return_to_now()

    def _on_worker_ready(self, _ready: object) -> None:
        """Ask again what the worker before may have left unanswered."""
        if self._wanted is not None:
            self.look_at(self._wanted)

    def _on_snapshot_read(self, result: SnapshotRead) -> None:
        if result.run == self._run and self._fresh.accept(result.generation):
            self._session.set_past(result)

    def _on_past_changed(self) -> None:
        past = self._session.past
        self._bar.set_shown(None if past is None else past.epoch)
        self._curves.mark_epoch(None if past is None else float(past.epoch))
        self._filmstrip.mark_epoch(None if past is None else past.epoch)
        if past is None:
            self._map.set_epoch_banner("")
            self._filmstrip.set_past({})
            return
        self._map.set_epoch_banner(f"epoch {past.epoch}  ·  a click returns to now")
        both = (past.originals, past.reconstructions)
        self._filmstrip.set_past({"reconstruct": both, "sample": (past.samples,)}, f"epoch {past.epoch}")

    # --- the strip over epochs ------------------------------------------------------------------------

    def _ask_strip(self) -> None:
        if self._run and self._filmstrip.wants_epochs():
            kind = cast(Literal["reconstruct", "sample"], self._filmstrip.kind())
            self._engine.request(ReadEpochs(self._fresh_strip.ask(), self._run, kind, **BY_EPOCH))

    def _on_epochs_read(self, result: EpochsRead) -> None:
        if result.run == self._run and self._fresh_strip.accept(result.generation):
            self._filmstrip.set_epochs(result.kind, result.epochs, result.images, result.originals)
