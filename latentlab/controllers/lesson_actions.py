"""What a lesson's step does in the window, by the controllers and signals that a person's gestures use."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QSpinBox

from latentlab.config import lesson_actions as actions
from latentlab.controllers.data import DataController
from latentlab.controllers.encoded_image import EncodedImageController
from latentlab.controllers.explore import ExploreController
from latentlab.controllers.model import ModelController
from latentlab.controllers.training import TrainingController
from latentlab.engine.client.client import EngineClient
from latentlab.errors import InputError
from latentlab.gui.latent_map import LatentMap
from latentlab.gui.main_window import MainWindow
from latentlab.gui.panels.codebook_grid import CodebookGrid
from latentlab.gui.widgets.gesture_id import next_gesture
from latentlab.paths import resource
from latentlab.state.session import Session
from latentlab.storage import claim_run_folder

REST_SECONDS = 0.5
"""Between two moves of the latent: the filmstrip keeps the images of latents at rest."""

Condition: TypeAlias = Callable[[], bool]
Doing: TypeAlias = Generator[Condition, None, None]
"""Yields each condition that it waits for."""


@dataclass(frozen=True)
class LessonDoors:
    """What a lesson acts through."""

    session: Session
    engine: EngineClient
    window: MainWindow
    latent_map: LatentMap
    explore: ExploreController
    data: DataController
    model: ModelController
    training: TrainingController
    encoded_image: EncodedImageController


class LessonActions:
    """Carries out actions, each as a generator that waits for the window.

    Parameters
    ----------
    doors
        What they act through.
    runs
        Where the runs of lessons are written to.
    """

    def __init__(self, doors: LessonDoors, runs: Callable[[], Path]) -> None:
        self._doors, self._runs = doors, runs

    def doing(self, action: actions.Action) -> Doing:
        """Carry out an action; advance the generator whenever what it has yielded is so."""
        match action:
            case actions.OpenData() | actions.OpenModel():
                return self._open(action)
            case actions.TrainModel() | actions.Adjust() | actions.Stop():
                return self._train(action)
            case actions.OpenImage() | actions.Hide() | actions.Refine():
                return self._ask_image(action)
            case actions.GenerateImages():
                return self._generate(action)
            case actions.PaintCodes():
                return self._paint(action)
            case _:
                return self._show(action)

    # --- opening --------------------------------------------------------------------------------------

    def _open(self, action: actions.OpenData | actions.OpenModel) -> Doing:
        if self._doors.session.run_is_active:  # one of a lesson, that goes on
            yield from self._stop()
        yield from self._open_data(action) if isinstance(action, actions.OpenData) else self._open_model(action)

    def _open_data(self, action: actions.OpenData) -> Doing:
        doors, config = self._doors, action.config()
        shown = doors.session.dataset
        if shown is None or shown.source != action.source or shown.config != config:
            with _seen(doors.engine.datasetOpened, lambda result: result.info.source == action.source) as is_open:
                doors.data.open(action.source, config)
                yield is_open
        yield self._is_encoded

    def _open_model(self, action: actions.OpenModel) -> Doing:
        doors = self._doors

        def is_it(result: Any) -> bool:
            return bool(result.is_new_model and result.info.source == action.source)

        with _seen(doors.engine.modelChanged, is_it) as is_open:
            doors.model.open(action.source)
            yield is_open
        yield self._is_encoded

    def _is_encoded(self) -> bool:
        """Whether all open images are points of the map, if they fit the model."""
        session = self._doors.session
        model, dataset, points = session.model, session.dataset, session.points
        if model is None or dataset is None or model.image_shape != dataset.image_shape:
            return True
        return points is not None and points.fingerprint == dataset.fingerprint and len(points.mean) == dataset.images

    # --- training -------------------------------------------------------------------------------------

    def _train(self, action: actions.TrainModel | actions.Adjust | actions.Stop) -> Doing:
        match action:
            case actions.TrainModel():
                return self._start_run(action)
            case actions.Adjust():
                return self._adjust(action)
            case actions.Stop():
                return self._stop()

    def _start_run(self, action: actions.TrainModel) -> Doing:
        doors = self._doors
        panel, session = doors.window.training_panel, doors.session
        if session.run_is_active:
            yield from self._stop()
        panel.set_config(action.config(), chosen=True)
        folder = claim_run_folder(self._runs() / action.recipe)
        with _seen(doors.engine.trainingFinished, lambda event: Path(event.run) == folder) as is_over:
            doors.training.start(panel.config(), str(folder))
            doors.window.show_panel("lessons")  # a run brings the Training panel to the front
            if action.until is None:
                yield is_over
                yield lambda: not session.run_is_active
                if session.run.end_reason == "stopped":
                    raise InputError("The run was stopped before its end")
                yield self._is_encoded
            else:
                yield lambda: session.run.completed_epochs >= (action.until or 0)

    def _adjust(self, action: actions.Adjust) -> Doing:
        session, panel = self._doors.session, self._doors.window.training_panel
        if not session.run.can_adjust:
            raise InputError("There is no run to adjust: do the step before first")
        begin = session.run.completed_epochs
        panel.set_adjusted({"beta": action.beta})
        panel.adjusted.emit({"beta": action.beta})
        # The current epoch began with the previous β.
        yield lambda: session.run.completed_epochs > begin + action.epochs or not session.run_is_active

    def _stop(self) -> Doing:
        session = self._doors.session
        if session.run_is_active:
            self._doors.training.stop()
            yield lambda: not session.run_is_active
        yield self._is_encoded

    # --- images ---------------------------------------------------------------------------------------

    def _generate(self, action: actions.GenerateImages) -> Doing:
        window = self._doors.window
        panel = window.generate_panel
        for name, value in (("generateSeed", action.seed), ("generateCount", action.count)):
            spin = panel.findChild(QSpinBox, name)
            assert isinstance(spin, QSpinBox)
            spin.setValue(value)
        if not panel.choose_source(action.source):
            raise InputError(f"Images cannot be drawn from the {action.source} of this model")
        with _seen(self._doors.engine.generated, lambda result: result.images is not None) as is_there:
            window.show_panel("generate")
            panel.changed.emit()
            yield is_there

    def _ask_image(self, action: actions.OpenImage | actions.Hide | actions.Refine) -> Doing:
        session, engine, window = self._doors.session, self._doors.engine, self._doors.window
        if isinstance(action, actions.OpenImage):
            with _seen(engine.imageInspected, lambda result: result.done) as is_inspected:
                self._doors.encoded_image.open(str(resource("lessons", action.file)))
                yield is_inspected
            return
        shown = session.encoded_image
        if shown is None:
            raise InputError("There is no image: do the step before first")
        if isinstance(action, actions.Refine):
            with _seen(engine.imageRefined, lambda result: result.done) as is_refined:
                window.actions_.refine_image.trigger()
                window.show_panel("lessons")
                yield is_refined
            return
        height, width = shown.image.shape[:2]
        hidden = np.zeros((height, width), bool)
        rows, columns = (slice(round(a * n), round(b * n)) for a, b, n in (
            (action.top, action.bottom, height), (action.left, action.right, width)))  # fmt: skip
        hidden[rows, columns] = True
        with _seen(engine.imageImputed, lambda result: result.done) as is_filled:
            canvas = window.your_image.canvas
            canvas.set_hidden(hidden)
            canvas.hiddenChanged.emit(next_gesture())
            yield is_filled

    def _paint(self, action: actions.PaintCodes) -> Doing:
        def find() -> CodebookGrid | None:
            found = self._doors.window.latent_sliders.findChild(CodebookGrid)
            return found if isinstance(found, CodebookGrid) else None

        def is_ready() -> bool:
            grid = find()
            return grid is not None and grid.codes().size > 0

        yield is_ready
        grid = find()
        assert grid is not None
        codes = grid.codes()
        if max(action.source[0] + 1, action.rows[1]) > codes.shape[0] or action.columns[1] > codes.shape[1]:
            raise InputError(f"The grid has {codes.shape[0]} × {codes.shape[1]} cells")
        code, gesture = int(codes[action.source]), next_gesture()
        grid.choose(code)
        for row in range(*action.rows):
            for column in range(*action.columns):
                grid.painted.emit(row, column, code, gesture)

    def _rested(self) -> Condition:
        """Whether time enough has passed for the image of a latent to be kept among those that were visited."""
        end = time.monotonic() + REST_SECONDS
        return lambda: time.monotonic() >= end

    # --- what is shown --------------------------------------------------------------------------------

    def _show(self, action: actions.Action) -> Doing:
        doors = self._doors
        match action:
            case actions.Move():
                latent = np.zeros(doors.session.latent.size, np.float32)
                numbers = action.latent[: latent.size]
                latent[: len(numbers)] = numbers
                is_over = self._rested()
                doors.explore.go_to(latent)
                yield is_over
            case actions.SwitchLayer():
                doors.latent_map.set_layer_visible(action.name, action.visible)
            case actions.Axes():
                doors.window.model_panel.axesChosen.emit(action.x, action.y)
            case actions.ColourBy():
                doors.window.model_panel.colourByChosen.emit(action.column)
            case actions.View():
                a = doors.window.actions_
                (a.reset_view if action.of == "prior" else a.fit_view).trigger()
            case actions.Show():
                doors.window.show_panel(action.panel)
                if action.strip:
                    doors.window.filmstrip.set_kind(action.strip)
                    doors.window.filmstrip.kindChosen.emit(action.strip)
                if action.terms:
                    doors.window.curves.show_terms(action.terms)
        yield lambda: True


@contextmanager
def _seen(signal: SignalInstance, matches: Callable[[Any], bool]) -> Iterator[Condition]:
    """Whether a signal has been emitted with a matching value since."""
    seen: list[bool] = []

    def note(value: object) -> None:
        if matches(value):
            seen.append(True)

    signal.connect(note)
    try:
        yield lambda: bool(seen)
    finally:
        signal.disconnect(note)
