"""The snapshots of a run: the snapshot bar chooses an epoch; map, filmstrip and curves show it."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Literal, cast

from PySide6.QtCore import QObject

from latentlab.config.events import Epoch, Progress, ranking_term
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
from latentlab.gui.panels.filmstrip import BY_EPOCH, Filmstrip
from latentlab.gui.panels.snapshot_bar import SnapshotBar
from latentlab.gui.widgets.debouncer import Debouncer
from latentlab.state.session import Session
from latentlab.utils.text import format_epoch

STRIP_INTERVAL_MS = 600  # between two readings of the strip over epochs, so that short epochs are not read one by one


class SnapshotsController(QObject):
    """Shows earlier epochs of the active or opened run.

    A snapshot is a picture: what is decoded is the current model's. Committing a latent, on the map or by a slider,
    therefore returns to the current model.
    """

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        bar: SnapshotBar,
        filmstrip: Filmstrip,
        curves: TrainingCurves,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._engine = session, engine
        self._bar, self._filmstrip, self._curves = bar, filmstrip, curves
        self._run = ""
        self._followed, self._best_bound = "", -inf  # an opened run, and its best validation bound
        self._requested: int | None = None  # the epoch that is, or is about to be, viewed
        self._generations, self._strip_generations = Generations(), Generations()
        self._strip_request = Debouncer(STRIP_INTERVAL_MS, self._request_strip, self)

        bar.epochChosen.connect(self.view_epoch)
        bar.nowChosen.connect(self.return_to_now)
        filmstrip.epochPicked.connect(self.view_epoch)
        filmstrip.epochsWanted.connect(self._request_strip)
        session.latentChanged.connect(self.return_to_now)
        session.modelChanged.connect(self._on_model_changed)
        session.viewedEpochChanged.connect(self._on_viewed_epoch_changed)
        engine.runSnapshots.connect(self._on_epochs_available)
        engine.trainingProgressed.connect(self._on_progress)
        engine.epochCompleted.connect(self._on_epoch)
        engine.trainingFinished.connect(lambda event: bar.set_best(event.best_epoch))
        engine.runFollowed.connect(self._on_run_followed)
        engine.modelChanged.connect(self._on_weights_changed)
        engine.snapshotRead.connect(self._on_snapshot_read)
        engine.epochsRead.connect(self._on_strip_read)
        engine.workerReady.connect(self._on_worker_ready)

    def view_epoch(self, epoch: int) -> None:
        """Show the epoch as soon as it is read."""
        if self._run:
            self._requested = epoch
            self._bar.set_shown(epoch)
            self._engine.request(ReadSnapshot(self._generations.next(), self._run, epoch))

    def return_to_now(self) -> None:
        """Show the current model again."""
        self._generations.discard_pending()
        self._requested = None
        self._bar.set_shown(None)
        self._session.set_viewed_epoch(None)

    # --- the session's and the engine's changes -------------------------------------------------------

    def _on_model_changed(self, is_new_model: bool) -> None:
        if is_new_model:
            self.return_to_now()
            self._set_epochs("", ())
            self._followed = ""  # the best epoch of a run that is opened again is found among all its epochs again

    def _on_epochs_available(self, result: RunSnapshots) -> None:
        model = self._session.model
        if model is None or Path(model.source) != Path(result.run):
            return
        self._set_epochs(result.run, result.epochs)
        self._view_nearest_of(result.epochs)
        if self._filmstrip.wants_epochs():
            self._strip_request.throttle()

    def _set_epochs(self, run: str, epochs: tuple[int, ...]) -> None:
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
        """Count the epochs of an opened run; the model shown is that of its best epoch."""
        if result.compared or self._session.run_is_active:
            return
        if result.run != self._followed:
            self._followed, self._best_bound = result.run, -inf
        for event in result.events:
            if isinstance(event, Epoch):
                self._on_epoch(event)
                means = event.validation or {}
                bound = means.get(ranking_term(means), -inf)
                if bound > self._best_bound:
                    self._best_bound = bound
                    self._bar.set_best(event.epoch)

    def _on_weights_changed(self, result: ModelChanged) -> None:
        """Show the map's epoch, exact to the last step before a pause or the end."""
        if result.epoch:
            self._bar.set_done(round(result.epoch, 3))

    def _view_nearest_of(self, epochs: tuple[int, ...]) -> None:
        """View the nearest epoch if the requested one cannot be read."""
        requested, viewed = self._requested, self._session.viewed_epoch
        if requested is None or requested in epochs or (viewed is not None and viewed.epoch == requested):
            return
        if epochs:
            self.view_epoch(min(epochs, key=lambda epoch: abs(epoch - requested)))
        else:
            self.return_to_now()

    def _on_worker_ready(self, _ready: object) -> None:
        """Repeat the request that the previous worker may not have answered."""
        if self._requested is not None:
            self.view_epoch(self._requested)

    def _on_snapshot_read(self, result: SnapshotRead) -> None:
        if result.run == self._run and self._generations.accept(result.generation):
            self._session.set_viewed_epoch(result)

    def _on_viewed_epoch_changed(self) -> None:
        snapshot = self._session.viewed_epoch
        if snapshot is None:
            self._generations.discard_pending()
            self._requested = None
            self._bar.set_shown(None)
            self._curves.mark_epoch(None)
            self._filmstrip.mark_epoch(None)
            self._filmstrip.set_snapshot({})
            return
        self._bar.set_shown(snapshot.epoch)
        self._curves.mark_epoch(float(snapshot.epoch))
        self._filmstrip.mark_epoch(snapshot.epoch)
        images = {"reconstruct": (snapshot.originals, snapshot.reconstructions), "sample": (snapshot.samples,)}
        self._filmstrip.set_snapshot(images, format_epoch(snapshot.epoch))

    # --- the strip over epochs ------------------------------------------------------------------------

    def _request_strip(self) -> None:
        if self._run and self._filmstrip.wants_epochs():
            kind = cast(Literal["reconstruct", "sample"], self._filmstrip.kind())
            self._engine.request(ReadEpochs(self._strip_generations.next(), self._run, kind, **BY_EPOCH))

    def _on_strip_read(self, result: EpochsRead) -> None:
        if result.run == self._run and self._strip_generations.accept(result.generation):
            self._filmstrip.set_epochs(result.kind, result.epochs, result.images, result.originals)
