"""State needed to restore a restarted worker (open model, dataset, run), and restart with backoff (no Qt, no torch)."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from latentlab.engine.protocol.exit_codes import DEVICE_LOST
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    DatasetCancelled,
    DatasetOpened,
    EncodeDataset,
    Failed,
    ModelChanged,
    OpenDataset,
    OpenModel,
    PauseTraining,
    Reconstruct,
    Request,
    Result,
    StopTraining,
    Train,
    TrainingState,
    UnpauseTraining,
    WorkerLost,
)

GIVEN_UP = "The worker keeps ending; it is not started again."

_NEEDING_DATASET = (
    EncodeDataset, Reconstruct, Train, PauseTraining, UnpauseTraining, StopTraining, AdjustTraining
)  # fmt: skip
"""Requests that need the dataset, and those that control a run that waits for it."""

_EARLY = 10.0  # seconds after being ready: an exit before that probably has the last one's cause
_MAX_EARLY_EXITS = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 250, 8000  # milliseconds


class RestartState:
    """What was open, and which run was active, when the worker last sent a result."""

    def __init__(self) -> None:
        self.version = 0  # the newest model version received
        self._model: str | None = None
        self._dataset: OpenDataset | None = None
        self._opening: OpenDataset | None = None
        self._training = TrainingState("idle")
        self._awaits_dataset = False  # a restarted worker has not yet opened the dataset that the window shows
        self._deferred: list[Request] = []

    def record_start(self, model: str | None) -> None:
        """Record what the first worker opens, in case it ends before that."""
        self._model = model or self._model

    def record_request(self, request: Request) -> None:
        """Record a request that may be lost with the worker."""
        if isinstance(request, OpenDataset):
            self._opening = request

    def defer_until_dataset(self, request: Request) -> bool:
        """Keep a request for :meth:`take_deferred` if it must wait until the dataset is open again; whether it must."""
        if request.slot is not None:
            self._deferred = [each for each in self._deferred if each.slot != request.slot]
        must_wait = self._awaits_dataset and isinstance(request, _NEEDING_DATASET)
        if must_wait:
            self._deferred.append(request)
        return must_wait

    def take_deferred(self) -> list[Request]:
        """The deferred requests, oldest first, once they need not wait any more."""
        if self._awaits_dataset:
            return []
        deferred, self._deferred = self._deferred, []
        return deferred

    def record_result(self, result: Result) -> None:
        """Record what is open now."""
        match result:
            case ModelChanged():
                self.version = max(self.version, result.model_version)
                if not result.training and result.info.source:
                    self._model = result.info.source
            case DatasetOpened():
                self._opening, self._awaits_dataset = None, False
                self._dataset = OpenDataset(result.info.source, result.info.config)
            case DatasetCancelled() | Failed(request="OpenDataset"):
                self._opening, self._awaits_dataset = None, False
            case TrainingState():
                self._training = result

    def record_exit(self, exit_code: int | None, details: str) -> list[Result]:
        """Record that the worker has ended unexpectedly; the results that report it, ``WorkerLost`` first."""
        run = "" if self._training.state == "idle" else self._training.out
        results: list[Result] = [WorkerLost(exit_code, exit_message(exit_code), run, details)]
        if run:
            results.append(TrainingState("idle", run))
        if self._opening is not None:
            results.append(Failed("OpenDataset", f"Opening {self._opening.source} ended with the worker."))
            self._opening = None
        if run and Path(run, "model.safetensors").is_file():
            self._model = run  # the name by which the run is resumed: the model stays the same then
        self._training = TrainingState("idle")
        self._awaits_dataset = self._dataset is not None
        return results

    def restoring_requests(self, early_exits: int) -> list[Request]:
        """What the next worker opens; less after several early exits, as what is open may be their cause."""
        model: list[Request] = [OpenModel(self._model, is_new_model=False)] if self._model is not None else []
        dataset: list[Request] = [self._dataset] if self._dataset is not None and early_exits <= 1 else []
        self._awaits_dataset = bool(dataset)
        return [*(model if early_exits <= 2 else []), *dataset]


class RestartBackoff:
    """Counts early exits, and determines the pause before the next start."""

    def __init__(self) -> None:
        self.count = 0
        self._ready: float | None = None

    def record_ready(self) -> None:
        """Record that a worker is ready."""
        self._ready = time.monotonic()

    def record_exit(self) -> int | None:
        """Record an exit; milliseconds to wait before the next start, or ``None`` if there is to be none."""
        was_late = self._ready is not None and time.monotonic() - self._ready > _EARLY
        self.count = 1 if was_late else self.count + 1
        self._ready = None
        if self.count > _MAX_EARLY_EXITS:
            return None
        return 0 if self.count == 1 else min(_LONGEST_PAUSE, _FIRST_PAUSE << self.count)


def exit_message(exit_code: int | None) -> str:
    """One sentence on how a worker ended."""
    if exit_code is not None and exit_code < 0:
        try:
            how = f"was ended by {signal.Signals(-exit_code).name}"
        except ValueError:
            how = f"was ended by signal {-exit_code}"
    elif exit_code == DEVICE_LOST:
        how = "lost its device"
    else:
        how = "ended unexpectedly" + ("" if exit_code is None else f" with code {exit_code}")
    return f"The worker {how}; another one is being started."
