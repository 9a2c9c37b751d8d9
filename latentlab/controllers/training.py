"""The run: the Training panel's wishes to the engine; its events to panel, curves and status line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from latentlab.activity import READY, Activity, ActivityEntry
from latentlab.config import DataConfig, RunConfig
from latentlab.controllers.run_words import changes, duration, ending, new_run_folder
from latentlab.engine.client import EngineClient
from latentlab.engine.messages import (
    AdjustTraining,
    DatasetInfo,
    Failed,
    ModelChanged,
    PauseTraining,
    ResumeTraining,
    RunFollowed,
    RunOpened,
    StopTraining,
    Train,
    TrainingState,
)
from latentlab.events import Adjusted, Epoch, Event, Finished, Progress, Started
from latentlab.gui.curves import TrainingCurves
from latentlab.gui.run_controls import epochs_in_all
from latentlab.gui.training_panel import TrainingPanel
from latentlab.presets import suggestion
from latentlab.session import IDLE, PAUSED, RUNNING, STARTING, STOPPING, Session

ACTIVE_KL = 0.01  # nats on average, above which a dimension is in use


class TrainingController(QObject):
    """Starts, holds and ends runs, and shows how they go.

    Attributes
    ----------
    config
        The last run's configuration, or ``None``; with ``session.run_folder`` it says what to repeat or continue.
    ending
        How the last run ended, for people; empty before that.

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
        self._steps_per_epoch, self._epochs_done, self._share = 1, 0.0, 0.0
        # Of the last run: how far it came, why it ended, and its images, whose source is known of one that was opened.
        self._whole_epochs, self._reason, self._trained_on, self._source = 0, "", _identity(None), ""
        self._begun = False  # its first step may have been taken
        self._before = ""  # why a run that goes on had ended before
        self._was_told = False  # what the metrics of the opened run held
        self._followed = ""  # run folder whose curves are read from its metrics
        self._asked, self._whole_plan = 0, 0  # epochs as they were asked for, and what they made in all
        self._suggested_for = ""  # source of the dataset that settings were suggested for last
        self.config: RunConfig | None = None
        self.ending = ""

        panel.trainRequested.connect(self.start)
        panel.pauseRequested.connect(lambda: engine.request(PauseTraining()))
        panel.resumeRequested.connect(lambda: engine.request(ResumeTraining()))
        panel.stopRequested.connect(self.stop)
        panel.betaChanged.connect(lambda beta: engine.request(AdjustTraining(beta=beta)))
        panel.adjusted.connect(self._on_adjusted)
        panel.continueRequested.connect(self.go_on)
        panel.openRunDataRequested.connect(self._on_open_run_data)
        session.datasetChanged.connect(self._on_dataset_changed)
        session.runStateChanged.connect(self._on_run_state_changed)
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
        if dataset is None or self._session.run_is_live:
            return
        self.config = config.model_copy(update={"data": dataset.config})
        folder = out or str(new_run_folder(config.model.recipe, dataset.name))
        if not (resume and folder == self._session.run_folder):
            self._whole_epochs = 0
        self._asked = self._whole_plan = config.training.epochs
        self._before, self._reason = (self._reason if resume else ""), ""
        self._trained_on, self._source = _identity(dataset), dataset.source
        self._begun = False
        self._offer_going_on()
        self._session.set_run_state(STARTING, folder)
        self._engine.request(Train(self.config, folder, resume))

    def stop(self) -> None:
        """End the run after its current step; its best model is kept."""
        self._engine.request(StopTraining())

    def go_on(self, asked: RunConfig) -> None:
        """Go on with the last run: to as many epochs in all as are asked, or past what it has, to its planned end.

        Model and data stay the run's own; of ``asked`` count the training settings that may be others.
        """
        if self.config is None or not self._can_go_on:
            return
        epochs = epochs_in_all(asked.training.epochs, self._whole_epochs, self._planned)
        changes = {name: getattr(asked.training, name) for name in ("learning_rate", "schedule", "patience", "device")}
        training = self.config.training.model_copy(update={"epochs": epochs, **changes})
        self.start(self.config.model_copy(update={"training": training}), self._session.run_folder, resume=True)
        self._asked = asked.training.epochs

    @property
    def epochs_done(self) -> float:
        """How far the live or last run has come, in epochs."""
        return self._epochs_done

    @property
    def source(self) -> str:
        """Where the last run's images are; empty before the first run."""
        return self._source

    @property
    def _can_go_on(self) -> bool:
        return bool(self._reason) and self._has_its_data

    @property
    def _has_its_data(self) -> bool:
        """Whether the last run's images are open, as it read them."""
        dataset = self._session.dataset
        return dataset is not None and _identity(dataset) == self._trained_on

    @property
    def _planned(self) -> int:
        """The epochs the last run is short of its plan because it was stopped or lost, in all; 0 where it is not."""
        cut_short = self._reason in ("stopped", _INTERRUPTED) and self.config is not None
        planned = self.config.training.epochs if cut_short and self.config is not None else 0
        return planned if self._whole_epochs < planned else 0

    # --- news ---------------------------------------------------------------------------------------

    def _on_dataset_changed(self) -> None:
        dataset = self._session.dataset
        there = dataset is not None
        if dataset is not None:
            # Settings changed for these images, before there were any, or of the opened run they are of, stay.
            is_of_opened_run = self._has_its_data and not self._begun
            keeps = self._suggested_for in ("", dataset.source) or is_of_opened_run or self._session.run_is_live
            for_recipe = partial(suggestion, max(1, dataset.training_images), dataset.image_shape)
            self._panel.suggest(for_recipe, keep_changes=keeps)
            self._suggested_for = dataset.source
        self._panel.set_can_train(there, "" if there else "Open some images first.")
        self._offer_going_on()

    def _offer_going_on(self) -> None:
        """Offer what brings the last run on: its images, while others or none are open, and else to continue it."""
        name = Path(self._session.run_folder).absolute().name
        self._panel.set_can_continue(name if self._can_go_on else "", self._whole_epochs, self._planned)
        self._panel.set_run_data(self._source if self._reason and not self._has_its_data else "", name)

    def _on_open_run_data(self) -> None:
        if self.config is not None:
            self.dataWanted.emit(self._source, self.config.data)

    def _on_adjusted(self, values: dict[str, object]) -> None:
        epochs = values.get("epochs")
        if isinstance(epochs, int) and epochs <= self._whole_epochs and self.config is not None:
            self._panel.set_live({"epochs": self.config.training.epochs})
            self.warned.emit(
                f"{self._whole_epochs} epochs are done already: the run cannot have {epochs} in all; Stop ends it now."
            )
            return
        self._engine.request(AdjustTraining(**values))  # type: ignore[arg-type]

    def _on_run_state_changed(self) -> None:
        state = self._session.run_state
        self._panel.set_state(state)
        self._show_activity(state)
        if state == STARTING:
            self._panel.set_progress(None, "Preparing the images and the first step")
        if state == PAUSED:
            self._panel.set_progress(self._share, f"Paused at epoch {self._epochs_done:.1f}")
        if state == STOPPING:  # which may take a while: every image is encoded by the best model
            self._panel.set_progress(self._share, "Stopping: the best model is being saved, and its map")
        if state == IDLE:
            if not self._reason and self._begun:  # not ended by itself: the worker is gone, or the run failed
                self._panel.set_progress(self._share, f"Interrupted at epoch {self._epochs_done:.1f}")
                self._reason = _INTERRUPTED
                self._offer_going_on()
            if self.config is not None and self.config.training.epochs == self._whole_plan:
                self._panel.set_live({"epochs": self._asked})  # "in all" was of that run; the next has as many again

    def _show_activity(self, state: str) -> None:
        """What the status line says of the run's state; its progress is shown as it comes."""
        activity = self._activity
        paused = f"Paused at epoch {_epoch_of(self._epochs_done, self.config)}"
        activity.set_idle_text(paused if state == PAUSED else READY)
        if state in (IDLE, PAUSED):
            activity.end(_RUN)
            return
        activity.end(_FOLLOWED)
        text = {STARTING: "Training: preparing the images and the first step", STOPPING: "Training is being stopped"}
        share = self._share if state == RUNNING else None
        activity.begin(_RUN, ActivityEntry(text.get(state, "Training"), share, is_busy=share is None))

    def _on_state(self, result: TrainingState) -> None:
        self._session.set_run_state(result.state, result.out)

    def _on_model_changed(self, result: ModelChanged) -> None:
        """Know to the step where a run is held: its progress is told ten times a second at most."""
        if result.training and result.epoch:
            self._epochs_done = result.epoch

    def _on_failed(self, failure: Failed) -> None:
        if failure.request == Train.__name__:
            self._panel.set_progress(0.0, failure.message)
            if not self._begun:  # it goes on another time
                self._reason = self._before
                self._offer_going_on()
            self._session.set_run_state(IDLE)

    def _on_started(self, event: Started) -> None:
        self._steps_per_epoch, self._begun = max(1, event.steps_per_epoch), True
        folder = self._session.run_folder
        self._followed = ""
        if not self._curves.go_on(folder):
            self._curves.start_run(f"{event.recipe} · {Path(folder).name}", folder)
        self._panel.set_beta(event.beta)
        self._panel.set_live({"epochs": event.epochs})

    def _on_progress(self, event: Progress) -> None:
        self._epochs_done = event.step / self._steps_per_epoch
        self._curves.add_progress(self._epochs_done, event.recent | _costs(event))
        self._show_progress(event)

    def _on_epoch(self, event: Epoch) -> None:
        self._whole_epochs = event.epoch
        draw_event(self._curves, event)

    def _on_run_adjusted(self, event: Adjusted) -> None:
        draw_event(self._curves, event)
        self._follow(event)

    def _on_finished(self, event: Finished) -> None:
        self._whole_epochs, self._reason = event.epochs, event.reason
        self._offer_going_on()
        share = 1.0 if event.reason == "done" else self._share
        self.ending = ending(event)
        self._panel.set_progress(share, self.ending)
        self.finished.emit(event)

    def _follow(self, event: Adjusted) -> None:
        """Take up what was changed, and show the run's length: its epoch is ended, whatever was asked for."""
        names = ("epochs", "patience", "learning_rate", "schedule")
        changed = {name: value for name in names if (value := getattr(event, name)) is not None}
        self._panel.set_live({name: changed[name] for name in names[:2] if name in changed})
        if self.config is not None:
            training = self.config.training.model_copy(update=changed)
            model = self.config.model.model_copy(update={} if event.beta is None else {"beta": event.beta})
            self.config = self.config.model_copy(update={"training": training, "model": model})

    def _on_run_opened(self, opened: RunOpened) -> None:
        """A run folder was opened: show its recipe and settings, and offer to go on with it."""
        is_the_lost_one = self._reason == _INTERRUPTED and opened.run == self._session.run_folder
        if self._session.run_is_live or is_the_lost_one:  # a new worker has opened it again: nothing has changed
            return
        followed = self._was_told and not self._reason and not self._begun
        has_ended = followed and opened.run == self._session.run_folder  # where it is trained, which is elsewhere
        self.config, self._source = opened.config, opened.source
        self._whole_epochs, self._reason = opened.epochs, opened.reason
        self._trained_on = opened.fingerprint or opened.source, opened.config.data
        if has_ended:  # what is set meanwhile stays
            name = Path(opened.run).name
            self._activity.show_for(_FOLLOWED, f"{name}: no longer trained elsewhere, at epoch {opened.epochs}")
            self._offer_going_on()
            return
        self._begun = self._was_told = False
        self._session.set_run_state(IDLE, opened.run)
        self._panel.set_progress(0.0)
        self._panel.set_config(opened.config, chosen=True)
        self._offer_going_on()

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
        if result.live:
            self._activity.begin(_FOLLOWED, ActivityEntry(f"{text}, trained elsewhere"))
        else:
            self._activity.show_for(_FOLLOWED, text)

    def _on_another_model(self, is_new_model: bool) -> None:
        """What is said of an opened run goes with its model."""
        model = self._session.model
        if is_new_model and (model is None or Path(model.source) != Path(self._followed)):
            self._activity.end(_FOLLOWED)

    def _note_growth(self, result: RunFollowed) -> None:
        """Take back the offer to go on with the opened run where it turns out to be trained elsewhere just now."""
        if result.run != self._session.run_folder or self._begun or self._session.run_is_live:
            return
        if self._was_told and self._reason:
            self._reason = ""
            self._offer_going_on()
        self._was_told = True

    def _show_progress(self, event: Progress) -> None:
        if self._session.run_state not in (STARTING, RUNNING):
            return
        share = event.step / event.steps if event.steps else None
        text = f"epoch {event.epoch}/{event.epochs} · {event.images_per_second:,.0f} images/s"
        left = "" if event.remaining is None else f" · {duration(event.remaining)} left"
        self._share = share or 0.0
        self._panel.set_progress(share, text + left)
        self._activity.begin(
            _RUN, ActivityEntry(f"Training: {text}", share, is_busy=share is None, seconds_left=event.remaining)
        )


def _identity(dataset: DatasetInfo | None) -> tuple[str, DataConfig | None]:
    """What two sets of images share where a run of the one can go on with the other."""
    return ("", None) if dataset is None else (dataset.fingerprint or dataset.source, dataset.config)


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


def _epoch_of(epoch: float, config: RunConfig | None) -> str:
    """``3 of 20``, or ``2.5 of 20`` within an epoch."""
    return f"{epoch:.1f}".removesuffix(".0") + ("" if config is None else f" of {config.training.epochs}")


_INTERRUPTED = "interrupted"
_RUN, _FOLLOWED = "run", "followed run"  # activities: the run of this window, and an opened one
