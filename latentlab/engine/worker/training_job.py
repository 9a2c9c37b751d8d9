"""The live training: advanced a step at a time, held, ended, and shown on the map as it learns."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from latentlab.config.events import Event, Finished, Progress
from latentlab.data import Dataset
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    Failed,
    Notice,
    RunSnapshots,
    Train,
    TrainingEvent,
    TrainingProgress,
    TrainingState,
)
from latentlab.engine.worker.jobs import encoded, joined
from latentlab.engine.worker.workspace import Workspace, info_of
from latentlab.errors import DiskFullError, InputError
from latentlab.models.inference import InferenceModel
from latentlab.storage import RunFolder
from latentlab.training import Trainer
from latentlab.utils.duty_cycle import POINTS, DutyCycle

_LEAST_INTERVAL = 0.25  # seconds between two versions of the map
_ENCODING_TIME = 0.05  # seconds that one version's points may take
_REST = 0.5  # seconds in which a hand that drags a slider makes one change
_FEWEST_POINTS, _MOST_POINTS = 200, 5000


class TrainingJob:
    """A training in the worker.

    Parameters
    ----------
    workspace
        Its model becomes the workspace's live model, its dataset is the open one.
    request
        What to train, and where to write it.
    device
        The worker's, for a configuration that says ``auto``.

    Attributes
    ----------
    state
        ``running``, ``paused`` or ``stopping``; ``idle`` once it is over.
    out
        The run folder.

    Raises
    ------
    InputError
        When it cannot begin; the live model stays.
    """

    def __init__(self, workspace: Workspace, request: Train, device: str = "auto") -> None:
        config = request.config
        if config.training.device == "auto" and device != "auto":
            training = config.training.model_copy(update={"device": device})
            config = config.model_copy(update={"training": training})
        self._workspace = workspace
        self._dataset = workspace.need_dataset()
        if request.resume:
            _check_goes_on(workspace, RunFolder(request.out))
        self._training = Trainer(self._dataset, config, Path(request.out), request.resume)
        self._steps = self._training.steps()
        self.out = request.out
        self.state = "running"
        self._goes_on = workspace.info is not None and workspace.info.source == request.out and request.resume
        self._map = PointsRefresher(workspace, self._training, self._dataset, request.out)
        workspace.model = self._training.loaded
        workspace.tell_model(
            info_of(self._training.loaded.header, self.out, None),
            is_new_model=not self._goes_on,
            training=True,
            epoch=self._training.epoch,
        )
        self._tell_state()
        self._told_snapshot = 0

    @property
    def active(self) -> bool:
        """Whether there is a step to take now."""
        return self.state in ("running", "stopping")

    @property
    def model(self) -> InferenceModel:
        """The model as it learns."""
        return self._training.loaded

    @property
    def closing(self) -> bool:
        """Whether the learning is over, and the best model takes the place of the newest."""
        return self._training.closing

    def step(self) -> None:
        """Take one step of the training, and of showing it.

        A full disk pauses the run, also one that is asked to stop: nothing that it has learned is lost, and it can go
        on, or be stopped again.

        Raises
        ------
        RunError
            When the training cannot go on.
        """
        try:
            event = next(self._steps, None)
        except DiskFullError as full:
            self._training.withdraw_stop()
            self._steps = self._training.steps()
            self._hold(full)
            return
        self._workspace.epoch = self._training.epoch
        if event is not None:
            self._tell(event)
        if self._training.newest_snapshot != self._told_snapshot:
            self._tell_history()
        if self.state == "running":
            self._map.advance()

    def pause(self) -> None:
        """Checkpoint and hold; the map shows the weights as they are.

        A run that is held already is checkpointed again: the disk may have been full the first time.
        """
        if self.state not in ("running", "paused"):
            return
        try:
            self._checkpoint()
        except DiskFullError as full:
            self._hold(full)
        else:
            self._hold()

    def go_on(self) -> None:
        """Go on after a pause."""
        if self.state == "paused":
            self._become("running")

    def stop(self) -> None:
        """Let the next steps be the last: checkpoint, best model, points."""
        if self.state in ("running", "paused"):
            self._training.stop()
            self._become("stopping")

    def adjust(self, request: AdjustTraining) -> None:
        """Change what a live run can take, from the next step on."""
        # How long the run is to be is told at once: the window shows what was taken of it.
        rest = _REST if request.epochs is None and request.patience is None else 0.0
        self._training.update(
            request.learning_rate, request.beta, request.schedule, request.epochs, request.patience, rest
        )

    def leave(self) -> None:
        """Checkpoint and end at once: the worker ends, or the run has failed elsewhere.

        Raises
        ------
        LatentlabError
            When the checkpoint cannot be written; the run has ended all the same.
        """
        try:
            self._checkpoint()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End without a further word to disk; the last good weights stay live."""
        if isinstance(self._steps, Generator):  # a run in the midst of its work, not one that has failed
            self._steps.close()
        self._become("idle")
        self._workspace.tell_model(
            info_of(self._training.loaded.header, self.out, None), is_new_model=False, epoch=self._training.epoch
        )

    def _tell(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._show_result()
        kind = TrainingProgress if isinstance(event, Progress) else TrainingEvent
        self._workspace.send(kind(event))
        if isinstance(event, Finished):
            self._become("idle")

    def _show_result(self) -> None:
        """The best model is the live model now, with all its points."""
        loaded, training = self._training.loaded, self._training
        path = Path(self.out, "model.safetensors")
        self._workspace.tell_model(
            info_of(loaded.header, self.out, path if path.exists() else None), is_new_model=False, epoch=training.epoch
        )
        if loaded.points is not None:
            self._workspace.tell_points(
                loaded.points,
                self._dataset.classes,
                self._dataset.fingerprint,
                training.epoch,
                loaded.preview,
                loaded.header.preview_extent,
            )

    def _tell_history(self) -> None:
        self._told_snapshot = self._training.newest_snapshot
        self._workspace.send(RunSnapshots(self.out, RunFolder(self.out).history.epochs()))

    def _hold(self, full: DiskFullError | None = None) -> None:
        """Pause, and say so where nobody asked for it."""
        if full is not None:
            end = "its end" if self._training.closing else "it"
            told = f"{full}; the run is paused, and Resume goes on with {end}"
            self._workspace.send(Failed("Checkpoint", told))
        self._map.complete()
        self._become("paused")

    def _checkpoint(self) -> None:
        event = self._training.checkpoint()
        if event is not None:
            self._workspace.send(TrainingEvent(event))

    def _become(self, state: str) -> None:
        self.state = state
        self._tell_state()

    def _tell_state(self) -> None:
        self._workspace.send(TrainingState(self.state, self.out))


def _check_goes_on(workspace: Workspace, folder: RunFolder) -> None:
    """Begin no run anew, without a word, where one was to go on."""
    if not folder.record.exists():
        raise InputError(f"there is no run in {folder.path} any more; put its folder back, or train a new one")
    if not folder.checkpoint.exists():
        workspace.send(Notice(f"There is no checkpoint in {folder.path} yet: the run begins anew."))


class PointsRefresher:
    """Encodes a fixed part of the dataset again and again while the model learns, at a bounded cost."""

    def __init__(self, workspace: Workspace, training: Trainer, dataset: Dataset, out: str) -> None:
        self._workspace, self._training, self._dataset, self._out = workspace, training, dataset, out
        # Smaller parts are beginnings of larger ones: the same points move, whatever time allows.
        self._order = np.random.default_rng(0).permutation(len(dataset))[:_MOST_POINTS]
        self._per_image = _ENCODING_TIME / _FEWEST_POINTS
        self._work: Iterator[None] | None = self._encode()  # the first version at once: the map is empty
        self._duty_cycle = DutyCycle(POINTS)
        self._due = 0.0
        self._cost = 0.0  # seconds that the version in the making has taken

    def advance(self) -> None:
        """Encode a piece, if a version is being made or due."""
        if self._work is None:
            if time.monotonic() < self._due or not self._duty_cycle.is_ready():
                return
            self._work = self._encode()
        began = time.perf_counter()
        over = next(self._work, _OVER) is _OVER
        self._cost += time.perf_counter() - began
        if over:
            self._duty_cycle.record_cost(self._cost)
            self._work, self._cost = None, 0.0

    def complete(self) -> None:
        """Make a version of the present weights at once."""
        for _ in self._encode():
            pass
        self._work = None

    def _encode(self) -> Iterator[None]:
        count = int(np.clip(_ENCODING_TIME / self._per_image, _FEWEST_POINTS, _MOST_POINTS))
        index = np.sort(self._order[:count])
        began, spent = time.perf_counter(), 0.0
        parts = []
        for _done, part in encoded(self._training.loaded, self._dataset, index, self._per_image):
            spent += time.perf_counter() - began
            parts.append(part)
            yield
            began = time.perf_counter()
        self._per_image = spent / len(index)
        self._due = time.monotonic() + _LEAST_INTERVAL
        epoch = self._training.epoch
        header = self._training.loaded.header
        self._workspace.tell_model(info_of(header, self._out, None), is_new_model=False, training=True, epoch=epoch)
        points = joined(parts, self._dataset, index)
        self._workspace.tell_points(points, self._dataset.classes, self._dataset.fingerprint, epoch)


_OVER = object()
