"""The active run: advanced step by step, paused, ended, and shown on the map while it trains."""

from __future__ import annotations

import os
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
from latentlab.engine.worker.job_queue import is_exhausted
from latentlab.engine.worker.jobs import encoded, encoding_batch_size, joined
from latentlab.engine.worker.workspace import Workspace, info_of
from latentlab.errors import DiskFullError, InputError
from latentlab.models.inference import InferenceModel
from latentlab.storage import RunFolder
from latentlab.training import Trainer
from latentlab.utils.duty_cycle import POINTS, DutyCycle

_MIN_INTERVAL = 0.25  # seconds between two updates of the map
_ENCODING_TIME = 0.05  # seconds that encoding the points of one update may take
_DEBOUNCE = 0.5  # seconds without another change of a dragged slider before the change is recorded
_MIN_POINTS, _MAX_POINTS = 200, 5000


class TrainingJob:
    """A run in the worker.

    Parameters
    ----------
    workspace
        The run's model becomes its current model; its dataset is trained on.
    request
        What to train, and where to write it.
    device
        The worker's, used if the configuration says ``auto``.

    Attributes
    ----------
    state
        ``running``, ``paused`` or ``stopping``; ``idle`` once it has ended.
    out
        The run folder.

    Raises
    ------
    InputError
        When it cannot be started; the current model stays.
    """

    def __init__(self, workspace: Workspace, request: Train, device: str = "auto") -> None:
        config = request.config
        if config.training.device == "auto" and device != "auto":
            training = config.training.model_copy(update={"device": device})
            config = config.model_copy(update={"training": training})
        self._workspace = workspace
        self._dataset = workspace.need_dataset()
        if request.resume:
            _check_resumable(workspace, RunFolder(request.out))
        self._trainer = Trainer(self._dataset, config, Path(request.out), request.resume, beside_a_window=True)
        if request.resume:  # it would end at once, although the user wants it to continue
            self._trainer.restart_patience()
        self._steps = self._trainer.steps()
        self.out = request.out
        self.state = "running"
        is_current_model = request.resume and workspace.info is not None and workspace.info.source == request.out
        self._points = PointsRefresher(workspace, self._trainer, self._dataset, request.out)
        workspace.model = self.model
        self._publish_model(is_new_model=not is_current_model, training=True)
        self._publish_state()
        self._sent_snapshot = 0

    @property
    def is_active(self) -> bool:
        """Whether there is a step to take."""
        return self.state in ("running", "stopping")

    @property
    def model(self) -> InferenceModel:
        """The model in training."""
        return self._trainer.loaded

    @property
    def closing(self) -> bool:
        """Whether the last step has been taken, and the best weights replace the newest."""
        return self._trainer.closing

    def step(self) -> None:
        """Take one step, and update the map.

        A full disk pauses the run, even one that is stopping: nothing that it has learned is lost, and it can be
        unpaused, or stopped again.

        Raises
        ------
        RunError
            When the training cannot continue.
        """
        try:
            event = next(self._steps, None)
        except DiskFullError as full:
            self._trainer.withdraw_stop()
            self._steps = self._trainer.steps()
            self._hold(full)
            return
        self._workspace.epoch = self._trainer.epoch
        if event is not None:
            self._publish_event(event)
        if self._trainer.newest_snapshot != self._sent_snapshot:
            self._sent_snapshot = self._trainer.newest_snapshot
            self._workspace.send(RunSnapshots(self.out, RunFolder(self.out).snapshots.epochs()))
        if self.state == "running":
            self._points.advance()

    def pause(self) -> None:
        """Write a checkpoint and pause; the map shows the present weights.

        A paused run is checkpointed again: the disk may have been full the first time.
        """
        if self.state not in ("running", "paused"):
            return
        try:
            self._checkpoint()
        except DiskFullError as full:
            self._hold(full)
        else:
            self._hold()

    def unpause(self) -> None:
        """Continue after a pause."""
        if self.state == "paused":
            self._set_state("running")

    def stop(self) -> None:
        """End with the next steps: checkpoint, best model, points."""
        if self.state in ("running", "paused"):
            self._trainer.stop()
            self._set_state("stopping")

    def adjust(self, request: AdjustTraining) -> None:
        """Change settings from the next step on."""
        # A changed length is recorded at once: the window shows how it was applied.
        rest = _DEBOUNCE if request.epochs is None and request.patience is None else 0.0
        self._trainer.update(
            request.learning_rate, request.beta, request.schedule, request.epochs, request.patience, rest
        )

    def shut_down(self) -> None:
        """Write a checkpoint and end at once: the worker is ending.

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
        """End without writing anything; the last good weights stay the current model."""
        if isinstance(self._steps, Generator):  # after an error there is none to close
            self._steps.close()
        self._set_state("idle")
        self._publish_model()

    def _publish_event(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._publish_result()
        kind = TrainingProgress if isinstance(event, Progress) else TrainingEvent
        self._workspace.send(kind(event))
        if isinstance(event, Finished):
            self._set_state("idle")

    def _publish_result(self) -> None:
        """Publish the best model with all its points."""
        path, model = RunFolder(self.out).model, self.model
        self._publish_model(path if os.path.exists(path) else None)
        if model.points is not None:
            self._workspace.publish_points(
                model.points,
                self._dataset.classes,
                self._dataset.fingerprint,
                self._trainer.epoch,
                model.preview,
                model.header.preview_extent,
            )

    def _publish_model(self, path: Path | None = None, is_new_model: bool = False, training: bool = False) -> None:
        info = info_of(self.model.header, self.out, path)
        self._workspace.publish_model(info, is_new_model, training, self._trainer.epoch)

    def _hold(self, full: DiskFullError | None = None) -> None:
        """Pause, and report the reason if it was not requested."""
        if full is not None:
            purpose = "finish" if self._trainer.closing else "continue"
            self._workspace.send(Failed("Checkpoint", f"{full}; the run is paused; press Resume to {purpose}"))
        self._points.complete()
        self._set_state("paused")

    def _checkpoint(self) -> None:
        event = self._trainer.checkpoint()
        if event is not None:
            self._workspace.send(TrainingEvent(event))

    def _set_state(self, state: str) -> None:
        self.state = state
        self._publish_state()

    def _publish_state(self) -> None:
        self._workspace.send(TrainingState(self.state, self.out))


def _check_resumable(workspace: Workspace, folder: RunFolder) -> None:
    """Refuse a run folder that is gone, and report a missing checkpoint, before a run is started from scratch."""
    if not os.path.exists(folder.record):
        raise InputError(f"there is no run in {folder.path} any more; put its folder back, or train a new one")
    if not os.path.exists(folder.checkpoint):
        workspace.send(Notice(f"There is no checkpoint in {folder.path} yet: the run starts from the beginning."))


class PointsRefresher:
    """Encodes a fixed part of the dataset repeatedly during training, at a limited cost."""

    def __init__(self, workspace: Workspace, trainer: Trainer, dataset: Dataset, out: str) -> None:
        self._workspace, self._trainer, self._dataset, self._out = workspace, trainer, dataset, out
        # A smaller part is the beginning of a larger one, so that the same points move however much time there is.
        self._order = np.random.default_rng(0).permutation(len(dataset))[:_MAX_POINTS]
        self._batch_size = encoding_batch_size()
        self._work: Iterator[None] | None = self._encode()  # the first update at once: the map is empty
        self._duty_cycle = DutyCycle(POINTS)
        self._due = 0.0
        self._cost = 0.0  # seconds of the present update so far

    def advance(self) -> None:
        """Encode a batch, if an update is in progress or due."""
        if self._work is None:
            if time.monotonic() < self._due or not self._duty_cycle.is_ready():
                return
            self._work = self._encode()
        began = time.perf_counter()
        is_over = is_exhausted(self._work)
        self._cost += time.perf_counter() - began
        if is_over:
            self._duty_cycle.record_cost(self._cost)
            self._work, self._cost = None, 0.0

    def complete(self) -> None:
        """Update the map with the present weights at once."""
        for _ in self._encode():
            pass
        self._work = None

    def _encode(self) -> Iterator[None]:
        affordable = _ENCODING_TIME / self._batch_size.seconds_per_image
        index = np.sort(self._order[: int(np.clip(affordable, _MIN_POINTS, _MAX_POINTS))])
        parts = []
        for _done, part in encoded(self._trainer.loaded, self._dataset, index, self._batch_size):
            parts.append(part)
            yield
        self._due = time.monotonic() + _MIN_INTERVAL
        epoch = self._trainer.epoch
        info = info_of(self._trainer.loaded.header, self._out, None)
        self._workspace.publish_model(info, is_new_model=False, training=True, epoch=epoch)
        points = joined(parts, self._dataset, index)
        self._workspace.publish_points(points, self._dataset.classes, self._dataset.fingerprint, epoch)
