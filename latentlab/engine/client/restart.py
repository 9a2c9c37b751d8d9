"""What the client keeps in mind about its worker, to bring another one to the same place (no Qt, no torch)."""

from __future__ import annotations

import signal
import time
from pathlib import Path

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

DEVICE_LOST = 75
"""Exit code of a worker that ended itself because its device no longer answers."""

_OF_THE_DATASET = (
    EncodeDataset, Reconstruct, Train, PauseTraining, UnpauseTraining, StopTraining, AdjustTraining
)  # fmt: skip
"""What cannot be answered without the images, and what steers the run that waits for them."""

_HASTY = 10.0  # seconds: a worker that lives less long after being ready has not got over what ended the last one
_MOST_HASTY_ENDS = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 250, 8000  # milliseconds


class RestartState:
    """What was open and what ran when the worker was last heard of."""

    def __init__(self) -> None:
        self.version = 0  # the newest model version seen
        self._model: str | None = None
        self._dataset: OpenDataset | None = None
        self._opening: OpenDataset | None = None
        self._training = TrainingState("idle")
        self._awaits_dataset = False  # the window shows one that the new worker has not opened again yet
        self._held: list[Request] = []

    def note_start(self, model: str | None) -> None:
        """Remember what the first worker opens, should it end before it has."""
        self._model = model or self._model

    def note_request(self, request: Request) -> None:
        """Remember what has been asked and is not answered yet."""
        if isinstance(request, OpenDataset):
            self._opening = request

    def holds(self, request: Request) -> bool:
        """Whether a request must wait until the images are open again; it is then kept for :meth:`released`."""
        if request.slot is not None:
            self._held = [each for each in self._held if each.slot != request.slot]
        held = self._awaits_dataset and isinstance(request, _OF_THE_DATASET)
        if held:
            self._held.append(request)
        return held

    def released(self) -> list[Request]:
        """What has waited for the images and need wait no longer, oldest first."""
        if self._awaits_dataset:
            return []
        held, self._held = self._held, []
        return held

    def note_result(self, result: Result) -> None:
        """Remember what is open now."""
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

    def losses(self, exit_code: int | None, details: str) -> list[Result]:
        """What to tell when the worker has ended unasked, the loss itself first."""
        run = "" if self._training.state == "idle" else self._training.out
        told: list[Result] = [WorkerLost(exit_code, exit_message(exit_code), run, details)]
        if run:
            told.append(TrainingState("idle", run))
        if self._opening is not None:
            told.append(Failed("OpenDataset", f"Opening {self._opening.source} ended with the worker."))
            self._opening = None
        if run and Path(run, "model.safetensors").is_file():
            self._model = run  # by the name that the run itself goes on by: it is no other model then
        self._training = TrainingState("idle")
        self._awaits_dataset = self._dataset is not None
        return told

    def restoring(self, hasty_ends: int) -> list[Request]:
        """What the next worker opens; the less, the more have ended in haste: what is open may be what ends them."""
        model: list[Request] = [OpenModel(self._model, is_new_model=False)] if self._model is not None else []
        dataset: list[Request] = [self._dataset] if self._dataset is not None and hasty_ends <= 1 else []
        self._awaits_dataset = bool(dataset)
        return [*(model if hasty_ends <= 2 else []), *dataset]


class RestartBackoff:
    """How often workers have ended in haste, and how long to wait before the next start."""

    def __init__(self) -> None:
        self.count = 0
        self._ready: float | None = None

    def note_ready(self) -> None:
        """A worker is up."""
        self._ready = time.monotonic()

    def note(self) -> int | None:
        """A worker has ended: milliseconds to wait before the next start, ``None`` for no further start."""
        lived = self._ready is not None and time.monotonic() - self._ready > _HASTY
        self.count = 1 if lived else self.count + 1
        self._ready = None
        if self.count > _MOST_HASTY_ENDS:
            return None
        return 0 if self.count == 1 else min(_LONGEST_PAUSE, _FIRST_PAUSE << self.count)


def exit_message(exit_code: int | None) -> str:
    """Say in one sentence how the worker process ended."""
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
