"""The run: the Training panel's wishes to the engine; its events to panel, curves and status line."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from latentlab.config import RunConfig
from latentlab.config.events import Adjusted, Epoch, Event, Finished, Progress, Started
from latentlab.config.layout import ACTIVE_KL
from latentlab.config.suggestion import suggest_settings
from latentlab.controllers.run_messages import changes, ending, new_run_folder, pace, paused_text, progress_text
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    Failed,
    ModelChanged,
    PauseTraining,
    RunFollowed,
    RunOpened,
    StopTraining,
    Train,
    TrainingState,
    UnpauseTraining,
)
from latentlab.gui.curves.panel import TrainingCurves
from latentlab.gui.panels.run_controls import epochs_in_all
from latentlab.gui.panels.training import TrainingPanel
from latentlab.state.activity import READY, Activity, ActivityEntry
from latentlab.state.run_status import INTERRUPTED, RunState, RunStatus
from latentlab.state.session import Session


class TrainingController(QObject):
    """Starts, holds and ends runs, and shows how they go.

    What is known of the run is in ``session.run``; panel and status line are set from it.

    Signals
    -------
    finished(event)
        A run came to its end (``events.Finished``).
    warned(message)
        Something about the run that the user should know.
    dataWanted(source, config)
        The images of the run that was opened are to be opened, as it read them (a ``DataConfig``).
    """

    finished = Signal(object)
    warned = Signal(str)
    dataWanted = Signal(str, object)

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
        self._followed = ""  # run folder whose curves are read from its metrics
        self._asked, self._whole_plan = 0, 0  # epochs as they were asked for, and what they made in all
        self._suggested_for = ""  # source of the dataset that settings were suggested for last
        self._offered: tuple[object, ...] = ()  # how the run may go on, as the panel shows it

        panel.trainRequested.connect(self.start)
        panel.pauseRequested.connect(lambda: engine.request(PauseTraining()))
        panel.resumeRequested.connect(lambda: engine.request(UnpauseTraining()))
        panel.stopRequested.connect(self.stop)
        panel.betaChanged.connect(lambda beta: engine.request(AdjustTraining(beta=beta)))
        panel.adjusted.connect(self._on_adjusted)
        panel.continueRequested.connect(self.go_on)
        panel.openRunDataRequested.connect(self._on_open_run_data)
        session.datasetChanged.connect(self._on_dataset_changed)
        session.runStatusChanged.connect(self._show_run)
        session.runStateChanged.connect(self._show_run_state)
        session.modelChanged.connect(self._on_another_model)
        engine.trainingState.connect(self._on_state)
        engine.trainingStarted.connect(self._on_started)
        engine.trainingProgressed.connect(self._on_progress)
        engine.epochCompleted.connect(self._on_epoch)
        engine.trainingAdjusted.connect(self._on_run_adjusted)
        engine.trainingWarned.connect(lambda event: self.warned.emit(event.message))
        engine.trainingFinished.connect(self._on_finished)
        engine.modelChanged.connect(self._on_model_changed)
        engine.runOpened.connect(self._on_run_opened)
        engine.runFollowed.connect(self._on_run_followed)
        engine.failed.connect(self._on_failed)
        self._on_dataset_changed()

    def start(self, config: RunConfig, out: str = "", resume: bool = False) -> None:
        """Train on the open dataset, into ``out`` or a new folder of its own."""
        dataset = self._session.dataset
        if dataset is None or self._session.run_is_active:
            return
        before = self._before_start = self._session.run
        folder = out or str(new_run_folder(config.model.recipe, dataset.name))
        is_resumed = resume and folder == before.folder
        self._asked = self._whole_plan = config.training.epochs
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
        """End the run after its current step; its best model is kept."""
        self._engine.request(StopTraining())

    def go_on(self, asked: RunConfig) -> None:
        """Go on with the last run: to as many epochs in all as are asked, or past what it has, to its planned end.

        Model and data stay the run's own; of ``asked`` count the training settings that may be others.
        """
        run = self._session.run
        if run.config is None or not run.can_resume(self._session.dataset):
            return
        epochs = epochs_in_all(asked.training.epochs, run.completed_epochs, run.planned_epochs)
        changes = {name: getattr(asked.training, name) for name in ("learning_rate", "schedule", "patience", "device")}
        training = run.config.training.model_copy(update={"epochs": epochs, **changes})
        self.start(run.config.model_copy(update={"training": training}), run.folder, resume=True)
        self._asked = asked.training.epochs

    # --- news ---------------------------------------------------------------------------------------

    def _on_dataset_changed(self) -> None:
        dataset = self._session.dataset
        there = dataset is not None
        if dataset is not None:
            # Settings changed for these images, before there were any, or of the opened run they are of, stay.
            run = self._session.run
            is_of_opened_run = run.is_trained_on(dataset) and not run.has_started
            keeps = self._suggested_for in ("", dataset.source) or is_of_opened_run or run.is_active
            for_recipe = partial(suggest_settings, max(1, dataset.training_images), dataset.image_shape)
            self._panel.suggest(for_recipe, keep_changes=keeps)
            self._suggested_for = dataset.source
        self._panel.set_can_train(there, "" if there else "Open some images first.")
        self._offer_going_on()

    def _offer_going_on(self) -> None:
        """Offer what brings the last run on: its images, while others or none are open, and else to continue it."""
        run, dataset = self._session.run, self._session.dataset
        name = Path(run.folder).absolute().name
        missing_source = run.source if run.end_reason and not run.is_trained_on(dataset) else ""
        offered = (run.can_resume(dataset), run.completed_epochs, run.planned_epochs, missing_source, name)
        if offered == self._offered:
            return
        self._offered = offered
        self._panel.set_can_continue(name if offered[0] else "", run.completed_epochs, run.planned_epochs)
        self._panel.set_run_data(missing_source, name)

    def _on_open_run_data(self) -> None:
        run = self._session.run
        if run.config is not None:
            self.dataWanted.emit(run.source, run.config.data)

    def _on_adjusted(self, values: dict[str, object]) -> None:
        epochs, run = values.get("epochs"), self._session.run
        if isinstance(epochs, int) and epochs <= run.completed_epochs and run.config is not None:
            self._panel.set_live({"epochs": run.config.training.epochs})
            done = run.completed_epochs
            self.warned.emit(f"{done} epochs are done already: the run cannot have {epochs} in all; Stop ends it now.")
            return
        self._engine.request(AdjustTraining(**values))  # type: ignore[arg-type]

    # --- the run shown ------------------------------------------------------------------------------

    def _show_run(self) -> None:
        run = self._session.run
        fraction = run.fraction if run.is_active else run.fraction or 0.0
        self._panel.set_progress(fraction, progress_text(run))
        self._offer_going_on()
        self._show_activity(run)

    def _show_run_state(self) -> None:
        run = self._session.run
        self._panel.set_state(run.state)
        if run.state is RunState.STARTING:
            self._activity.end(_FOLLOWED)
        if not run.is_active and run.config is not None and run.config.training.epochs == self._whole_plan:
            self._panel.set_live({"epochs": self._asked})  # "in all" was of that run; the next has as many again

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
            activity.begin(_RUN, ActivityEntry(text, run.fraction, is_busy=run.fraction is None, seconds_left=left))

    # --- the engine's news --------------------------------------------------------------------------

    def _on_state(self, result: TrainingState) -> None:
        run, state = self._session.run, RunState(result.state)
        if state is RunState.IDLE and not run.is_active:
            return
        # One that has not ended by itself: the worker is gone, or the run failed.
        interrupted = state is RunState.IDLE and run.has_started and not run.end_reason
        reason = INTERRUPTED if interrupted else run.end_reason
        self._session.update_run(state=state, folder=result.out or run.folder, end_reason=reason)

    def _on_model_changed(self, result: ModelChanged) -> None:
        """Know to the step where a run is held: its progress is told ten times a second at most."""
        if result.training and result.epoch:
            self._session.update_run(epoch=result.epoch)

    def _on_failed(self, failure: Failed) -> None:
        run = self._session.run
        if failure.request != Train.__name__:
            return
        if run.has_started:
            reason = run.end_reason or INTERRUPTED
            self._session.update_run(state=RunState.IDLE, fraction=0.0, message=failure.message, end_reason=reason)
        else:  # the run before it is the last one again, and goes on another time
            idle = replace(self._before_start, state=RunState.IDLE, fraction=0.0, message=failure.message)
            self._session.set_run(idle)

    def _on_started(self, event: Started) -> None:
        folder = self._session.run.folder
        self._session.update_run(has_started=True, epochs=event.epochs)
        self._followed = ""
        if not self._curves.make_current(folder):
            self._curves.start_run(f"{event.recipe} · {Path(folder).name}", folder)
        self._panel.set_beta(event.beta)
        self._panel.set_live({"epochs": event.epochs})

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
        """Take up what was changed, and show the run's length: its epoch is ended, whatever was asked for."""
        draw_event(self._curves, event)
        names = ("epochs", "patience", "learning_rate", "schedule")
        changed = {name: value for name in names if (value := getattr(event, name)) is not None}
        self._panel.set_live({name: changed[name] for name in names[:2] if name in changed})
        run = self._session.run
        if run.config is not None:
            training = run.config.training.model_copy(update=changed)
            model = run.config.model.model_copy(update={} if event.beta is None else {"beta": event.beta})
            config = run.config.model_copy(update={"training": training, "model": model})
            self._session.update_run(config=config, epochs=training.epochs)

    def _on_run_opened(self, opened: RunOpened) -> None:
        """A run folder was opened: show its recipe and settings, and offer to go on with it."""
        run = self._session.run
        is_the_lost_one = run.end_reason == INTERRUPTED and opened.run == run.folder
        if run.is_active or is_the_lost_one:  # a new worker has opened it again: nothing has changed
            return
        has_ended = run.is_trained_elsewhere and opened.run == run.folder
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
                is_followed=has_ended,
            )
        )
        if has_ended:  # what is set meanwhile stays
            name = Path(opened.run).name
            self._activity.show_for(_FOLLOWED, f"{name}: no longer trained elsewhere, at epoch {opened.epochs}")
        else:
            self._panel.set_config(opened.config, chosen=True)

    def _on_run_followed(self, result: RunFollowed) -> None:
        """Curves of a run folder that was opened, as far as they go, and on while it is trained elsewhere."""
        if result.compared:
            return
        self._note_growth(result)
        name = Path(result.run).name
        if result.run != self._curves.current_run():
            self._followed = result.run
            self._curves.start_run(name, result.run)
        if result.run != self._followed:
            return  # trained in this window, where its curves are already, finer than an epoch
        for event in result.events:
            draw_event(self._curves, event)
            if isinstance(event, Epoch):
                self._show_followed(result, f"{name}: epoch {event.epoch} of {event.epochs}")

    def _show_followed(self, result: RunFollowed, text: str) -> None:
        """Say how far an opened run is: lasting while it is trained elsewhere, else for a moment."""
        if result.is_trained_elsewhere:
            self._activity.begin(_FOLLOWED, ActivityEntry(f"{text}, trained elsewhere"))
        else:
            self._activity.show_for(_FOLLOWED, text)

    def _on_another_model(self, is_new_model: bool) -> None:
        """What is said of an opened run goes with its model."""
        model = self._session.model
        if is_new_model and (model is None or Path(model.source) != Path(self._followed)):
            self._activity.end(_FOLLOWED)

    def _note_growth(self, result: RunFollowed) -> None:
        """Take back the offer to go on with the opened run if it turns out to be trained elsewhere just now."""
        run = self._session.run
        if result.run != run.folder or run.has_started or run.is_active:
            return
        if result.is_trained_elsewhere or run.is_followed:
            self._session.update_run(is_followed=True, is_trained_elsewhere=True, end_reason="")
        else:
            self._session.update_run(is_followed=True)


def draw_event(curves: TrainingCurves, event: Event, key: str | None = None) -> None:
    """Draw what a line of a run's metrics says; ``None`` for the current run."""
    match event:
        case Epoch():
            curves.add_epoch(event.epoch, event.train, (event.validation or {}) | _active_units(event), key)
            curves.set_kl(event.kl_per_dimension, key)
        case Adjusted():
            for text in changes(event):
                curves.add_change(event.epoch, text, key)


def _costs(event: Progress) -> dict[str, float]:
    """What the run takes, as terms of the curves."""
    costs = {"images_per_second": event.images_per_second}
    if event.device_memory is not None:
        costs["device_memory"] = event.device_memory / 2**20
    return costs


def _active_units(event: Epoch) -> dict[str, float]:
    """How many dimensions tell something of an image, as a term of the curves."""
    kl = event.kl_per_dimension
    return {} if not kl else {"active_units": float(sum(value > ACTIVE_KL for value in kl))}


_RUN, _FOLLOWED = "run", "followed run"  # activities: the run of this window, and an opened one
