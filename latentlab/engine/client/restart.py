"""State needed to restore a restarted worker (open model, dataset, run), and restart with backoff (no Qt, no torch)."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

from latentlab.config.info import ModelInfo
from latentlab.engine.protocol.exit_codes import DEVICE_LOST
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    DatasetCancelled,
    DatasetClosed,
    DatasetOpened,
    Decode,
    DecodeBoth,
    DecodeGrid,
    DecodeMap,
    DecodeOtherGrid,
    DecodeRows,
    DescribeDimension,
    DistanceToData,
    DrawLatent,
    DrawThumbnail,
    Embed,
    EncodeDataset,
    EncodeDrawing,
    EncodeImage,
    EncodeSelection,
    ExportFile,
    ExportFilm,
    ExportSelection,
    Failed,
    FindDirection,
    Generate,
    ImputeImage,
    InspectImage,
    Interpolate,
    MeasureCopy,
    MeasureFields,
    MeasureModel,
    MeasurePlane,
    ModelChanged,
    ModelClosed,
    Nearest,
    OpenDataset,
    OpenModel,
    PauseTraining,
    PicturesOfPoints,
    PreviewDataset,
    RankImages,
    ReadCodebooks,
    Reconstruct,
    RefineImage,
    Request,
    Result,
    Sample,
    SaveModel,
    SearchImages,
    SolvePath,
    StopTraining,
    SummarizeSelection,
    Train,
    TrainingState,
    Traverse,
    UnpauseTraining,
    WorkerLost,
    WriteSubset,
)
from latentlab.storage import RunFolder

GIVEN_UP = "The worker keeps ending and is not started again."

NEEDING_MODEL = (
    Decode, DecodeBoth, DecodeGrid, DecodeOtherGrid, DecodeRows, DecodeMap, DescribeDimension, DistanceToData,
    DrawLatent, DrawThumbnail, Embed, EncodeDataset, EncodeDrawing, EncodeImage, EncodeSelection, ExportFile,
    ExportFilm, ExportSelection, FindDirection, Generate, ImputeImage, InspectImage, Interpolate, MeasureCopy,
    MeasureFields, MeasureModel, MeasurePlane, Nearest, PicturesOfPoints, RankImages, ReadCodebooks, Reconstruct,
    RefineImage, Sample, SaveModel, SearchImages, SolvePath, SummarizeSelection, Traverse,
)  # fmt: skip
"""Requests that a restarted worker can answer only after it has opened the model again."""
NEEDING_DATASET = (
    EncodeDataset, EncodeSelection, MeasureModel, PreviewDataset, Reconstruct, WriteSubset,
    Train, PauseTraining, UnpauseTraining, StopTraining, AdjustTraining,
)  # fmt: skip
"""Requests that need the dataset, and those that control a run that waits for it."""

_EARLY = 10.0  # seconds after being ready: an exit before that probably has the last one's cause
_MAX_EARLY_EXITS = 2
_FIRST_PAUSE = 500  # milliseconds


class RestartState:
    """What the window shows, what is open in the worker, and which run is active, when it last sent a result.

    Attributes
    ----------
    version
        The newest model version received.
    """

    def __init__(self) -> None:
        self.version = 0
        self._model: str | None = None  # to be opened again
        self._shown: ModelInfo | None = None  # by the window; differs from _model while a run trains another one
        self._dataset: OpenDataset | None = None
        self._train: Train | None = None  # the request of the active run
        self._training = TrainingState("idle")
        self._has_model = self._has_dataset = False  # whether they are open in the present worker
        self._awaits_model = self._awaits_dataset = False  # whether a restarted worker is to open them
        self._deferred: list[Request] = []

    @property
    def open_model(self) -> str:
        """Source of the model that is open in the worker; empty for none."""
        return self._shown.source if self._has_model and self._shown is not None else ""

    @property
    def open_dataset(self) -> str:
        """Source of the dataset that is open in the worker; empty for none."""
        return self._dataset.source if self._has_dataset and self._dataset is not None else ""

    @property
    def run(self) -> str:
        """Folder of the active run; empty for none."""
        return "" if self._training.state == "idle" else self._training.out

    @property
    def will_open_shown_model(self) -> bool:
        """Whether the next worker opens the model that the window shows."""
        return self._shown is not None and self._shown.source == self._model

    def record_start(self, model: str | None) -> None:
        """Record what the first worker opens, in case it ends before that."""
        self._model = model or self._model

    def record_request(self, request: Request) -> None:
        """Record a request that may be needed again."""
        if isinstance(request, Train):
            self._train = request

    def defer(self, request: Request) -> bool:
        """Keep a request for :meth:`take_deferred` if it must wait for model or dataset; whether it must."""
        if request.slot is not None:
            self._deferred = [each for each in self._deferred if each.slot != request.slot]
        must_wait = self._must_wait(request)
        if must_wait:
            self._deferred.append(request)
        return must_wait

    def take_deferred(self) -> list[Request]:
        """The deferred requests that need not wait any more, oldest first."""
        ready = [request for request in self._deferred if not self._must_wait(request)]
        self._deferred = [request for request in self._deferred if self._must_wait(request)]
        return ready

    def record_result(self, result: Result) -> list[Result]:
        """Record what is open now.

        Returns
        -------
        list of Result
            The result as the window is to receive it, preceded by ``ModelClosed`` or ``DatasetClosed`` if a restarted
            worker could not open what the window shows. A model with another latent space than the one shown is a
            new model, whatever the worker thinks.
        """
        closed: list[Result] = []
        match result:
            case ModelChanged():
                result = self._record_model(result)
            case Failed(request="OpenModel") if not self._has_model:
                closed = self._close_model()
            case ModelClosed():
                self._has_model = False
                self._close_model()
            case DatasetOpened():
                self._has_dataset, self._awaits_dataset = True, False
                self._dataset = OpenDataset(result.info.source, result.info.config)
            case DatasetCancelled() | Failed(request="OpenDataset") if not self._has_dataset:
                closed = [DatasetClosed()] if self._dataset is not None else []
                self._dataset, self._awaits_dataset = None, False
            case DatasetClosed():
                self._has_dataset, self._dataset, self._awaits_dataset = False, None, False
            case TrainingState():
                self._training = result
        return [*closed, result]

    def record_exit(self, exit_code: int | None, details: str, is_wanted: bool, is_last: bool) -> list[Result]:
        """Record that the worker has ended.

        Parameters
        ----------
        exit_code, details
            How it ended, and the end of its output.
        is_wanted
            Whether the user has asked for it.
        is_last
            Whether no other is started.

        Returns
        -------
        list of Result
            What the window is to be told, ``WorkerLost`` first.
        """
        run, message = self.run, exit_message(exit_code, is_wanted, is_last)
        folder = RunFolder(run)
        again = None if not run or self._train is None else replace(self._train, resume=os.path.isfile(folder.record))
        has_checkpoint = bool(run) and os.path.isfile(folder.checkpoint)
        results: list[Result] = [WorkerLost(exit_code, message, run, details, again, has_checkpoint)]
        if run:
            results.append(TrainingState("idle", run))
            if os.path.isfile(folder.model):
                self._model = run  # the name by which the run is resumed: the model stays the same then
        self._training, self._train = TrainingState("idle"), None
        self._has_model = self._has_dataset = False
        if self._model is None:
            results += self._close_model()
        self._awaits_model, self._awaits_dataset = self._model is not None, self._dataset is not None
        self._deferred = []
        return results

    def restoring_requests(self, instead: OpenModel | OpenDataset | None = None) -> list[Request]:
        """What the next worker opens: model and dataset as before, or ``instead`` of one of them another."""
        requests: list[Request] = []
        if self._model is not None and not isinstance(instead, OpenModel):
            requests.append(OpenModel(self._model, is_new_model=not self.will_open_shown_model))
        if self._dataset is not None and not isinstance(instead, OpenDataset):
            requests.append(self._dataset)
        requests += [] if instead is None else [instead]
        self._awaits_model = any(isinstance(request, OpenModel) for request in requests)
        self._awaits_dataset = any(isinstance(request, OpenDataset) for request in requests)
        return requests

    def _must_wait(self, request: Request) -> bool:
        return (self._awaits_model and isinstance(request, NEEDING_MODEL)) or (
            self._awaits_dataset and isinstance(request, NEEDING_DATASET)
        )

    def _record_model(self, result: ModelChanged) -> ModelChanged:
        self.version = max(self.version, result.model_version)
        if self._shown is not None and _space(self._shown) != _space(result.info):
            result = replace(result, is_new_model=True)
        self._has_model, self._awaits_model, self._shown = True, False, result.info
        if not result.training and result.info.source:
            self._model = result.info.source
        return result

    def _close_model(self) -> list[Result]:
        was_shown = self._shown is not None
        self._model = self._shown = None
        self._awaits_model = False
        return [ModelClosed(self.version)] if was_shown else []


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
        return 0 if self.count == 1 else _FIRST_PAUSE << (self.count - 2)


def exit_message(exit_code: int | None, is_wanted: bool = False, is_last: bool = False) -> str:
    """One sentence on how a worker ended, and whether another is started."""
    if is_wanted:
        how = "was ended as you asked"
    elif exit_code is not None and exit_code < 0:
        try:
            how = f"was ended by {signal.Signals(-exit_code).name}"
        except ValueError:
            how = f"was ended by signal {-exit_code}"
    elif exit_code == DEVICE_LOST:
        how = "lost its device"
    else:
        how = "ended unexpectedly" + ("" if exit_code is None else f" with code {exit_code}")
    return f"The worker {how}." if is_last else f"The worker {how}; another one is being started."


def _space(info: ModelInfo) -> tuple[object, ...]:
    """What two models must have in common for one to be the other with newer weights."""
    return info.latent_dim, info.layout, info.image_shape, info.conditional, info.classes if info.conditional else ()
