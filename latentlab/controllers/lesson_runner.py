"""Runs the steps of lessons: one action after the other, each when the one before is done; then measures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal, SignalInstance

from latentlab.config.events import Epoch
from latentlab.config.lessons import Figure, Step
from latentlab.controllers.generations import Generations
from latentlab.controllers.lesson_actions import Condition, Doing, LessonActions, LessonDoors
from latentlab.engine.protocol.messages import Failed, ImageImputed, MeasureModel, ModelMeasured, WorkerLost
from latentlab.errors import InputError, LatentlabError
from latentlab.gui.widgets.debouncer import Debouncer

BEAT_MS = 200

_CONCERNED = frozenset((
    "OpenDataset", "OpenModel", "EncodeDataset", "Train", "MeasureModel", "EncodeImage", "RefineImage", "ImputeImage",
    "Generate",
))  # fmt: skip
"""Requests whose failure ends a step."""


class LessonRunner(QObject):
    """Runs a step in the window; one at a time, and it can be cancelled.

    Signals
    -------
    progressed(fraction)
        How far the step is, from 0 to 1; −1 while that is unknown.
    finished(values)
        The step is done; the figures by their names.
    failed(message)
        It could not be done, or was cancelled.
    """

    progressed = Signal(float)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(self, doors: LessonDoors, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._doors = doors
        self._actions = LessonActions(doors, self._runs_folder)
        self._folder: Path | None = None
        self._doing: Doing | None = None
        self._condition: Condition | None = None
        self._epoch: Epoch | None = None  # the newest of the runs
        self._imputed: ImageImputed | None = None  # the newest
        self._generations = Generations()
        self._measured: Mapping[str, float] | None = None
        self._values: dict[str, float] | None = None  # of the step, once it is done
        # In the next iteration of the event loop, so that all controllers have followed the change.
        self._soon = Debouncer(0, self._advance, self)
        self._beat = QTimer(self)  # for what waits for the time
        self._beat.setInterval(BEAT_MS)
        self._beat.timeout.connect(self._soon.throttle)
        doors.session.changed.connect(self._on_changed)
        doors.engine.received.connect(self._on_changed)
        doors.engine.epochCompleted.connect(self._on_epoch)
        doors.engine.modelMeasured.connect(self._on_measured)
        doors.engine.imageImputed.connect(self._on_imputed)
        doors.engine.failed.connect(self._on_failed)
        doors.engine.datasetCancelled.connect(lambda _result: self._end_with("Opening the images was cancelled."))
        doors.engine.workerLost.connect(self._on_worker_lost)

    @property
    def is_running(self) -> bool:
        """Whether a step is in progress."""
        return self._doing is not None

    @property
    def folder(self) -> Path | None:
        """Where the runs of lessons are; ``None`` while there are none."""
        return self._folder

    def owns(self, run: str) -> bool:
        """Whether a run folder is one of a lesson."""
        return bool(run) and self._folder is not None and Path(run).parent == self._folder

    def run(self, step: Step) -> None:
        """Begin a step, unless one is in progress."""
        if self._doing is None:
            self._begin(self._steps_of(step))

    def run_other(self, doing: Doing, changed: SignalInstance) -> None:
        """Begin something else that waits for the window, and for a further signal; such as to put everything back."""
        changed.connect(self._soon.throttle, Qt.ConnectionType.UniqueConnection)
        if self._doing is None:
            self._begin(doing)

    def cancel(self) -> None:
        """Cancel the step: its run is stopped, everything else stays as it is."""
        if self._doing is None:
            return
        run = self._doors.session.run
        if run.is_active and self.owns(run.folder):
            self._doors.training.stop()
        self._end_with("The step was cancelled.")

    def remove_curves(self) -> None:
        """Remove the curves of the lessons' runs."""
        for run in [key for key in self._doors.window.curves.run_keys() if self.owns(key)]:
            self._doors.window.curves.remove_run(run)

    def remove_runs(self) -> None:
        """Remove what the lessons' runs have written."""
        self.remove_curves()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def close(self) -> None:
        """End without a word; the window is being closed."""
        self._doing = None
        self._beat.stop()
        self._soon.cancel()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # --- a step -----------------------------------------------------------------------------------------

    def _steps_of(self, step: Step) -> Doing:
        for action in step.actions:
            yield from self._actions.doing(action)
        yield from self._measure(step)
        self._values = {figure.name: self._value(figure) for figure in step.figures}

    def _measure(self, step: Step) -> Doing:
        names = tuple(dict.fromkeys(figure.measure for figure in step.figures if figure.measure))
        self._measured = None if names else {}
        if names:
            self._doors.engine.request(MeasureModel(self._generations.next(), names))
        yield lambda: self._measured is not None

    def _value(self, figure: Figure) -> float:
        if figure.measure:
            return (self._measured or {})[figure.measure]
        part, _, name = figure.term.partition(".")
        if part == "image":
            return self._value_of_image(name)
        epoch = self._epoch
        means = {} if epoch is None else (epoch.validation or {}) if part == "validation" else epoch.train
        if name not in means:
            raise InputError(f"The run has no {name.replace('_', ' ')}")
        return means[name]

    def _value_of_image(self, name: str) -> float:
        """A figure of the image of one's own, after its refinement or the filling of what is hidden of it."""
        shown, imputed = self._doors.session.encoded_image, self._imputed
        if shown is None:
            raise InputError("There is no image")
        if name.endswith("elbo"):
            if shown.refinement is None:
                raise InputError("The posterior of the image is not refined")
            return shown.refinement[1][0 if name == "encoder_elbo" else -1]
        if shown.hidden is None or imputed is None or imputed.expected is None:
            raise InputError("Nothing of the image is hidden")
        filled = imputed.expected if name == "filled_error" else np.zeros_like(shown.image)
        difference = (filled[shown.hidden].astype(float) - shown.image[shown.hidden]) / 255
        return float(np.sqrt((difference**2).mean()))

    def _begin(self, doing: Doing) -> None:
        self._doing, self._condition, self._values = doing, None, None
        self.progressed.emit(-1.0)
        self._beat.start()
        self._soon.throttle()

    def _on_changed(self, _result: object = None) -> None:
        if self._doing is not None:
            self._soon.throttle()

    def _advance(self) -> None:
        while self._doing is not None:
            if self._condition is not None and not self._condition():
                run = self._doors.session.run
                fraction = run.fraction if run.is_active else None
                self.progressed.emit(-1.0 if fraction is None else fraction)
                return
            try:
                self._condition = next(self._doing, None)
            except LatentlabError as error:
                self._end_with(str(error))
                return
            if self._condition is None:
                self._beat.stop()
                self._doing, values = None, self._values
                if values is not None:
                    self.finished.emit(values)  # the next step may begin there
                return

    def _end_with(self, message: str) -> None:
        doing, self._doing, self._condition = self._doing, None, None
        if doing is not None:
            self._beat.stop()
            self._generations.discard_pending()
            doing.close()
            self.failed.emit(message)

    # --- the engine's results ---------------------------------------------------------------------------

    def _on_epoch(self, event: Epoch) -> None:
        if self.owns(self._doors.session.run.folder):
            self._epoch = event

    def _on_imputed(self, result: ImageImputed) -> None:
        self._imputed = result

    def _on_measured(self, result: ModelMeasured) -> None:
        if self._generations.accept(result.generation):
            self._measured = result.values

    def _on_failed(self, failure: Failed) -> None:
        if failure.request in _CONCERNED:
            self._end_with(failure.message)

    def _on_worker_lost(self, _lost: WorkerLost) -> None:
        self._end_with("The worker ended before the step was done.")

    def _runs_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="latentlab-lessons-"))
        return self._folder
