"""A run folder that was opened: its settings and curves, also while another process trains it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from latentlab.config.events import Adjusted, Epoch, Event
from latentlab.config.layout import ACTIVE_KL
from latentlab.controllers.run_messages import changes, likelihood_of
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import RunFollowed, RunOpened
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.training import TrainingPanel
from latentlab.state.activity import Activity, ActivityEntry
from latentlab.state.run_status import INTERRUPTED, RunState, RunStatus
from latentlab.state.session import Session
from latentlab.utils.text import format_epoch

_FOLLOWED = "followed run"  # id of the activity


class OpenedRunController(QObject):
    """Shows an opened run's settings in the panel, and follows its metrics on the curves and in the status line.

    Signals
    -------
    unfinishedRunOpened
        A run was opened that ended before its last epoch.
    """

    unfinishedRunOpened = Signal()

    def __init__(
        self,
        session: Session,
        engine: EngineClient,
        panel: TrainingPanel,
        curves: TrainingCurves,
        activity: Activity,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._panel, self._curves, self._activity = session, panel, curves, activity
        self._followed = ""  # run folder whose curves are read from its metrics
        session.modelChanged.connect(self._on_model_changed)
        session.runStateChanged.connect(self._on_run_state_changed)
        engine.trainingStarted.connect(self._on_started)
        engine.runOpened.connect(self._on_run_opened)
        engine.runFollowed.connect(self._on_run_followed)

    def _on_model_changed(self, is_new_model: bool) -> None:
        """End the message about an opened run when another model is opened."""
        model = self._session.model
        if is_new_model and (model is None or Path(model.source) != Path(self._followed)):
            self._activity.end(_FOLLOWED)

    def _on_run_state_changed(self) -> None:
        if self._session.run_state is RunState.STARTING:
            self._activity.end(_FOLLOWED)

    def _on_started(self) -> None:
        self._followed = ""

    def _on_run_opened(self, opened: RunOpened) -> None:
        """Show the run's recipe and settings, and offer to continue it."""
        run = self._session.run
        is_lost_run = run.end_reason == INTERRUPTED and opened.run == run.folder
        if run.is_active or is_lost_run:  # a new worker has opened it again: nothing has changed
            return
        has_ended_elsewhere = run.is_trained_elsewhere and opened.run == run.folder
        self._session.set_run(
            RunStatus(
                folder=opened.run,
                config=opened.config,
                source=opened.source,
                fingerprint=opened.fingerprint,
                epoch=float(opened.epochs),
                completed_epochs=opened.epochs,
                epochs=opened.config.training.epochs,
                end_reason=opened.reason,
                is_followed=has_ended_elsewhere,
            )
        )
        if has_ended_elsewhere:  # the panel keeps the settings that the user has changed
            name = Path(opened.run).name
            self._activity.show_for(_FOLLOWED, f"{name}: no longer trained elsewhere, at {format_epoch(opened.epochs)}")
        else:
            self._panel.set_config(opened.config, chosen=True)
            if self._session.run.planned_epochs:
                self.unfinishedRunOpened.emit()

    def _on_run_followed(self, result: RunFollowed) -> None:
        """Draw the events of the opened run."""
        if result.compared:
            return
        self._update_run(result)
        name = Path(result.run).name
        if result.run != self._curves.current_run():
            self._followed = result.run
            self._curves.start_run(name, result.run)
            self._curves.set_likelihood(result.run, likelihood_of(result.run))
        if result.run != self._followed:
            return  # trained in this window: its curves are already drawn, more finely
        for event in result.events:
            draw_event(self._curves, event)
            if isinstance(event, Epoch):
                self._show_progress(result, f"{name}: {format_epoch(event.epoch, event.epochs)}")

    def _update_run(self, result: RunFollowed) -> None:
        """Do not offer to continue the run if it turns out to be trained elsewhere."""
        run = self._session.run
        if result.run != run.folder or run.has_started or run.is_active:
            return
        if result.is_trained_elsewhere or run.is_followed:
            self._session.update_run(is_followed=True, is_trained_elsewhere=True, end_reason="")
        else:
            self._session.update_run(is_followed=True)

    def _show_progress(self, result: RunFollowed, text: str) -> None:
        """Show an opened run's epoch in the status line: for as long as it is trained elsewhere, else briefly."""
        if result.is_trained_elsewhere:
            self._activity.begin(_FOLLOWED, ActivityEntry(f"{text}, trained elsewhere"))
        else:
            self._activity.show_for(_FOLLOWED, text)


def draw_event(curves: TrainingCurves, event: Event, key: str | None = None) -> None:
    """Draw an event of a run's metrics; ``key`` is the run's, ``None`` for the current run."""
    match event:
        case Epoch():
            curves.add_epoch(event.epoch, event.train, (event.validation or {}) | _active_units(event), key)
            curves.set_kl(event.kl_per_dimension, key)
        case Adjusted():
            for text in changes(event):
                curves.add_change(event.epoch, text, key)


def _active_units(event: Epoch) -> dict[str, float]:
    """Number of active dimensions, as a term of the curves."""
    kl = event.kl_per_dimension
    return {} if not kl else {"active_units": float(sum(value > ACTIVE_KL for value in kl))}
