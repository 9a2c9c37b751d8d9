"""The run: the Training panel's requests to the engine; its events to panel, curves and status line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from latentlab.config import RunConfig
from latentlab.config.events import Adjusted, Epoch, Finished, Progress, Started
from latentlab.config.info import DatasetInfo
from latentlab.config.suggestion import Suggestion, suggest_settings
from latentlab.controllers.opened_run import draw_event
from latentlab.controllers.run_messages import ending, pace, paused_text, progress_text, run_folder_name
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    Failed,
    ModelChanged,
    PauseTraining,
    StopTraining,
    Train,
    TrainingState,
    UnpauseTraining,
)
from latentlab.errors import InputError
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.run_controls import total_epochs
from latentlab.gui.panels.training import TrainingPanel
from latentlab.state.activity import READY, Activity, ActivityEntry
from latentlab.state.run_status import INTERRUPTED, RunState, RunStatus
from latentlab.state.session import Session
from latentlab.storage import RunFolder, claim_run_folder

_RUN = "run"  # id of the activity


class TrainingController(QObject):
    """Starts, pauses and stops runs, and shows their progress.

    ``session.run`` has the status of the run; panel and status line are updated from it.

    Signals
    -------
    finished(event)
        A run has ended (``events.Finished``).
    warned(message)
        Something about the run that the user should know.
    dataRequested(source, config)
        The images of the opened run are to be opened, with its own ``DataConfig``.
    """

    finished = Signal(object)
    warned = Signal(str)
    dataRequested = Signal(str, object)

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
        self._session, self._engine, self._activity = session, engine, activity
        self._panel, self._curves = panel, curves
        self._before_start = session.run  # the run before the one that is being started
        self._requested_epochs = self._total_epochs = 0  # as the user requested them, and with those of before
        self._defaults: dict[str, object] = {}  # training settings that the user prefers
        self._suggested_for = ""  # source of the dataset of the last suggestion
        self._keeps_settings_for = ""  # source of a dataset that is a part of the one before
        self._continuation: tuple[object, ...] = ()  # how the run can continue, as the panel shows it

        panel.trainRequested.connect(self.start)
        panel.pauseRequested.connect(lambda: engine.request(PauseTraining()))
        panel.resumeRequested.connect(lambda: engine.request(UnpauseTraining()))
        panel.stopRequested.connect(self.stop)
        panel.adjusted.connect(self._on_adjusted)
        panel.continueRequested.connect(self.continue_run)
        panel.openRunDataRequested.connect(self._on_open_run_data)
        session.datasetChanged.connect(self._on_dataset_changed)
        session.runStatusChanged.connect(self._show_run)
        session.runStateChanged.connect(self._show_run_state)
        engine.trainingState.connect(self._on_state)
        engine.trainingStarted.connect(self._on_started)
        engine.trainingProgressed.connect(self._on_progress)
        engine.epochCompleted.connect(self._on_epoch)
        engine.trainingAdjusted.connect(self._on_run_adjusted)
        engine.trainingWarned.connect(lambda event: self.warned.emit(event.message))
        engine.trainingFinished.connect(self._on_finished)
        engine.modelChanged.connect(self._on_model_changed)
        engine.failed.connect(self._on_failed)
        self._on_dataset_changed()

    def start(self, config: RunConfig, out: str = "", resume: bool = False) -> None:
        """Train on the open dataset, into ``out`` or a new folder."""
        dataset = self._session.dataset
        if dataset is None or self._session.run_is_active:
            return
        before = self._before_start = self._session.run
        # Created at once: another window that trains in the same second gets another folder.
        folder = out or str(claim_run_folder(run_folder_name(config.model.recipe, dataset.name)))
        is_resumed = resume and folder == before.folder
        self._requested_epochs = self._total_epochs = config.training.epochs
        config = config.model_copy(update={"data": dataset.config})
        self._session.set_run(
            RunStatus(
                RunState.STARTING,
                folder,
                config,
                dataset.source,
                dataset.fingerprint,
                epoch=before.epoch if is_resumed else 0.0,
                completed_epochs=before.completed_epochs if is_resumed else 0,
                epochs=config.training.epochs,
            )
        )
        self._engine.request(Train(config, folder, resume))

    def stop(self) -> None:
        """Stop the run after its current step; its best model is kept."""
        self._engine.request(StopTraining())

    def continue_run(self, requested: RunConfig) -> None:
        """Continue the last run to the requested number of epochs, or by that many if it has them already.

        Model and data stay the run's own; of ``requested`` only the training settings that may differ are used.
        """
        run = self._session.run
        if run.config is None or not run.can_resume(self._session.dataset):
            return
        epochs = total_epochs(requested.training.epochs, run.completed_epochs, run.planned_epochs)
        names = ("learning_rate", "schedule", "patience", "device")
        changes = {name: getattr(requested.training, name) for name in names}
        training = run.config.training.model_copy(update={"epochs": epochs, **changes})
        self.start(run.config.model_copy(update={"training": training}), run.folder, resume=True)
        self._requested_epochs = requested.training.epochs

    # --- the panel ----------------------------------------------------------------------------------

    def _on_dataset_changed(self) -> None:
        dataset = self._session.dataset
        if dataset is not None:
            # Settings stay if they were changed for these images or before any were open, or are an opened run's.
            run = self._session.run
            is_of_opened_run = run.is_trained_on(dataset) and not run.has_started
            keep_changes = self._suggested_for in ("", dataset.source) or is_of_opened_run or run.is_active
            before = self._settings_shown() if dataset.source == self._keeps_settings_for else None
            self._panel.suggest(partial(self._suggestion, dataset), keep_changes=keep_changes)
            if before is not None:
                self._panel.set_config(before, chosen=True)
            self._suggested_for, self._keeps_settings_for = dataset.source, ""
        self._panel.set_can_train(dataset is not None, "Open some images first." if dataset is None else "")
        self._offer_to_continue()

    def set_defaults(self, training: Mapping[str, object]) -> None:
        """Set training settings of new runs, by name, that are the user's preference and not suggested for the images.

        Settings that the user has changed in the panel stay.
        """
        is_first, self._defaults = not self._defaults, dict(training)
        dataset = self._session.dataset
        if dataset is not None and not self._session.run_is_active:
            self._panel.suggest(partial(self._suggestion, dataset), keep_changes=True)
        elif is_first and RunConfig() != self._with_defaults(RunConfig()):
            self._panel.set_config(self._with_defaults(self._panel.config()))

    def _suggestion(self, dataset: DatasetInfo, recipe: str, effort: str) -> Suggestion:
        """The settings suggested for a recipe and an effort, with the user's defaults."""
        suggestion = _suggestion(dataset, recipe, effort)
        return replace(suggestion, config=self._with_defaults(suggestion.config))

    def _with_defaults(self, config: RunConfig) -> RunConfig:
        return config.model_copy(update={"training": config.training.model_copy(update=self._defaults)})

    def keep_settings_for(self, source: str) -> None:
        """Keep the settings when these images are opened: they are a part of those before, for a run to compare."""
        self._keeps_settings_for = source

    def _settings_shown(self) -> RunConfig | None:
        try:
            return self._panel.config()
        except InputError:
            return None

    def _offer_to_continue(self) -> None:
        """Offer to continue the last run, or to open its images if others or none are open."""
        run, dataset = self._session.run, self._session.dataset
        name = Path(run.folder).absolute().name
        missing_source = run.missing_source(dataset)
        continuation = (run.can_resume(dataset), run.completed_epochs, run.planned_epochs, missing_source, name)
        if continuation == self._continuation:
            return
        self._continuation = continuation
        self._panel.set_can_continue(name if continuation[0] else "", run.completed_epochs, run.planned_epochs)
        self._panel.set_run_data(missing_source, name)

    def _on_open_run_data(self) -> None:
        run = self._session.run
        if run.config is not None:
            self.dataRequested.emit(run.source, run.config.data)

    def _on_adjusted(self, values: dict[str, object]) -> None:
        epochs, run = values.get("epochs"), self._session.run
        if isinstance(epochs, int) and epochs <= run.completed_epochs and run.config is not None:
            self._panel.set_adjusted({"epochs": run.config.training.epochs})
            done = run.completed_epochs
            self.warned.emit(
                f"{done} epochs are done already: the run cannot have {epochs} in total; Stop ends it now."
            )
            return
        self._engine.request(AdjustTraining(**values))  # type: ignore[arg-type]

    # --- showing the run ----------------------------------------------------------------------------

    def _show_run(self) -> None:
        run = self._session.run
        fraction = run.fraction if run.is_active else run.fraction or 0.0
        self._panel.set_progress(fraction, progress_text(run))
        self._offer_to_continue()
        self._show_activity(run)

    def _show_run_state(self) -> None:
        run = self._session.run
        self._panel.set_run_status(run)
        if not run.is_active and run.config is not None and run.config.training.epochs == self._total_epochs:
            self._panel.set_adjusted({"epochs": self._requested_epochs})  # not the total of that run

    def _show_activity(self, run: RunStatus) -> None:
        activity = self._activity
        activity.set_idle_text(paused_text(run) if run.state is RunState.PAUSED else READY)
        if not run.is_learning or run.end_reason:
            activity.end(_RUN)
        elif run.state is RunState.STOPPING:
            activity.begin(_RUN, ActivityEntry("Training is being stopped", is_busy=True))
        elif not run.current_epoch:
            activity.begin(_RUN, ActivityEntry("Training: preparing the images and the first step", is_busy=True))
        else:
            text, left = f"Training: {pace(run)}", run.seconds_left
            entry = ActivityEntry(text, run.fraction, is_busy=run.fraction is None, seconds_left=left)
            activity.begin(_RUN, replace(entry, cancel=self.stop, cancel_text="Stop"))

    # --- the engine's results -----------------------------------------------------------------------

    def _on_state(self, result: TrainingState) -> None:
        run, state = self._session.run, RunState(result.state)
        if state is RunState.IDLE and not run.is_active:
            return
        # It has not ended by itself: the worker was lost, or the run failed.
        is_interrupted = state is RunState.IDLE and run.has_started and not run.end_reason
        reason = INTERRUPTED if is_interrupted else run.end_reason
        self._session.update_run(state=state, folder=result.out or run.folder, end_reason=reason)

    def _on_model_changed(self, result: ModelChanged) -> None:
        """Update the epoch to the exact step at a pause: progress arrives only ten times a second."""
        if result.training and result.epoch:
            self._session.update_run(epoch=result.epoch)

    def _on_failed(self, failure: Failed) -> None:
        run = self._session.run
        if failure.request != Train.__name__:
            return
        if run.has_started:
            reason = run.end_reason or INTERRUPTED
            self._session.update_run(state=RunState.IDLE, fraction=0.0, message=failure.message, end_reason=reason)
        else:  # the run before it is the last one again
            RunFolder(run.folder).remove_if_empty()
            idle = replace(self._before_start, state=RunState.IDLE, fraction=0.0, message=failure.message)
            self._session.set_run(idle)

    def _on_started(self, event: Started) -> None:
        folder = self._session.run.folder
        self._session.update_run(has_started=True, epochs=event.epochs)
        if not self._curves.make_current(folder):
            self._curves.start_run(f"{event.recipe} · {Path(folder).name}", folder)
        config = self._session.run.config
        self._curves.set_likelihood(folder, "" if config is None else config.model.likelihood.kind)
        self._panel.set_adjusted({"beta": event.beta, "epochs": event.epochs})

    def _on_progress(self, event: Progress) -> None:
        run = self._session.run
        fraction = event.step / event.steps if event.steps else None
        epoch = run.epoch if fraction is None else fraction * event.epochs
        self._curves.add_progress(epoch, event.recent | _costs(event))
        if run.is_active and not run.end_reason:
            self._session.update_run(
                epoch=epoch,
                current_epoch=event.epoch,
                epochs=event.epochs,
                fraction=fraction,
                images_per_second=event.images_per_second,
                seconds_left=event.remaining,
            )

    def _on_epoch(self, event: Epoch) -> None:
        self._session.update_run(completed_epochs=event.epoch)
        draw_event(self._curves, event)

    def _on_finished(self, event: Finished) -> None:
        fraction = 1.0 if event.reason == "done" else self._session.run.fraction
        self._session.update_run(
            completed_epochs=event.epochs, end_reason=event.reason, fraction=fraction, message=ending(event)
        )
        self.finished.emit(event)

    def _on_run_adjusted(self, event: Adjusted) -> None:
        """Apply changed settings, and show the run's actual length: it never ends within an epoch."""
        draw_event(self._curves, event)
        names = ("epochs", "patience", "learning_rate", "schedule")
        changed = {name: value for name in names if (value := getattr(event, name)) is not None}
        self._panel.set_adjusted({name: changed[name] for name in names[:2] if name in changed})
        run = self._session.run
        if run.config is not None:
            training = run.config.training.model_copy(update=changed)
            model = run.config.model.model_copy(update={} if event.beta is None else {"beta": event.beta})
            config = run.config.model_copy(update={"training": training, "model": model})
            self._session.update_run(config=config, epochs=training.epochs)


def _suggestion(dataset: DatasetInfo, recipe: str, effort: str) -> Suggestion:
    """The settings suggested for a recipe and an effort."""
    return suggest_settings(
        max(1, dataset.training_images),
        dataset.image_shape,
        recipe,
        statistics=dataset.statistics,
        effort="quick" if effort == "quick" else "good",
    )


def _costs(event: Progress) -> dict[str, float]:
    """Speed and memory, as terms of the curves."""
    costs = {"images_per_second": event.images_per_second}
    if event.device_memory is not None:
        costs["device_memory"] = event.device_memory / 2**20
    return costs
