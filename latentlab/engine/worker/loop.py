"""The loop that owns torch: the newest decode first, then a piece of the manifold, then one step of the active run.

Only what decoding needs is imported here. What opens, saves and trains is imported when it is first needed, or after
the first request has been answered, so that the first image does not wait for it.
"""

from __future__ import annotations

import gc
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch

import latentlab
from latentlab.engine.protocol.channel import ChannelClosed, Mailbox
from latentlab.engine.protocol.exit_codes import DEVICE_LOST, OK
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    CancelExport,
    CancelFilm,
    CancelLoading,
    CancelRanking,
    CloseComparison,
    CloseDataset,
    CompareRuns,
    DatasetCancelled,
    DatasetClosed,
    Decode,
    DecodeMap,
    DrawThumbnail,
    Embed,
    EncodeDataset,
    EncodeDrawing,
    EncodeImage,
    EncodeSelection,
    ExportCancelled,
    ExportFile,
    ExportFilm,
    ExportSelection,
    FilmCancelled,
    FindDirection,
    MeasureModel,
    Notice,
    OpenComparison,
    OpenDataset,
    OpenModel,
    PauseTraining,
    Ping,
    Pong,
    PreviewDataset,
    RankImages,
    ReadEpochs,
    ReadSnapshot,
    Request,
    SaveModel,
    SearchImages,
    Shutdown,
    StopTraining,
    SummarizeSelection,
    Train,
    UnpauseTraining,
    WorkBegun,
    WorkerReady,
    WriteSubset,
)
from latentlab.engine.worker.concurrent_decoder import ConcurrentDecoder
from latentlab.engine.worker.decode_service import DecodeService
from latentlab.engine.worker.embedding import EmbeddingRunner
from latentlab.engine.worker.error_reporting import DeviceLostError, ErrorReporter, is_device_lost
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.job_queue import JobQueue, PreviewSlot
from latentlab.engine.worker.model_loader import ModelLoader
from latentlab.engine.worker.prefetch_imports import ImportPrefetcher
from latentlab.engine.worker.run_history import RunHistoryReader
from latentlab.engine.worker.selection_requests import SelectionRequests
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.models.device import available_devices, resolve_device
from latentlab.storage import ModelFile
from latentlab.utils.thread_priority import short_gil_switch_interval, yield_to_the_window

if TYPE_CHECKING:
    from latentlab.engine.worker.training_job import TrainingJob

_SLOW_ANSWER = 0.25  # seconds
_SHARE_BESIDE_A_SLOW_ANSWER = 0.25  # of its time
_SHARE_BESIDE_A_STEP = 0.15  # of a step's time, for decoding between two steps (requests limit how often)
_MAY_TAKE_LONG = (
    OpenModel,
    OpenDataset,
    EncodeDataset,
    EncodeImage,
    SaveModel,
    Train,
    OpenComparison,
)  # for the first time, to import
_ANSWERS_PER_ITERATION = 8  # so that a run still gets its steps while requests keep arriving


class Worker:
    """Answers every request of :mod:`latentlab.engine.protocol.messages`, one after the other.

    An exception becomes a ``Failed`` result and the loop keeps running; only a lost device ends it.

    Parameters
    ----------
    inbox
        Requests.
    workspace
        The worker's state, which also sends results.
    decode_service
        Answers ``Decode``.
    report_errors
        Turns an exception into a result.
    device
        Name of the device to compute on.
    own_process
        Whether the process is the worker's alone.
    """

    def __init__(
        self,
        inbox: Mailbox,
        workspace: Workspace,
        decode_service: DecodeService,
        report_errors: ErrorReporter,
        device: str,
        own_process: bool = False,
    ) -> None:
        self._inbox = inbox
        self._workspace = workspace
        self._decode_service = decode_service
        self._report_errors = report_errors
        self._device_name = device
        self._own_process = own_process
        self._interactive = InteractiveRequests(workspace)
        self._run: TrainingJob | None = None
        self._run_history = RunHistoryReader(workspace)
        self._embedding = EmbeddingRunner(workspace)
        self._jobs = JobQueue(workspace, report_errors)
        self._board_jobs = JobQueue(workspace, report_errors)  # short ones, which wait for no opening
        self._preview = PreviewSlot(workspace, report_errors)
        self._selection = SelectionRequests(workspace, report_errors)
        self._prefetcher = ImportPrefetcher(own_process)
        self._is_ending = False
        self._step_seconds = 0.0  # of the last training step; 0 while no run is active

    def run(self, opened: tuple[Path, ModelFile] | None) -> int:
        """Answer requests until asked to end, or until the mailbox is closed; then checkpoint an active run.

        Parameters
        ----------
        opened
            A model that has been published and is to be loaded.

        Returns
        -------
        int
            Exit code.
        """
        # One thread decodes fastest beside a window: two threads block each other at every small operation.
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._work(opened)
        finally:
            torch.set_num_threads(threads)

    def _work(self, opened: tuple[Path, ModelFile] | None) -> int:
        self._concurrent_decoder = ConcurrentDecoder(self._decode_service)
        try:
            self._start(opened)
            while not self._is_ending:
                self._iterate()
            self._shut_down()
        except DeviceLostError:
            return DEVICE_LOST
        except ChannelClosed:  # the window is gone: results are dropped
            self._workspace.send = _discard
            self._shut_down()
        finally:
            self._concurrent_decoder.close()
        return OK

    # --- the loop ------------------------------------------------------------------------------------

    def _start(self, opened: tuple[Path, ModelFile] | None) -> None:
        try:
            device = resolve_device(self._device_name)
        except InputError as error:
            device, self._device_name = torch.device("cpu"), "cpu"
            self._workspace.send(Notice(f"{error}; the CPU is used instead"))
        self._model_loader = ModelLoader(
            self._workspace,
            self._run_history,
            device,
            lambda: self._inbox.closed or self._inbox.holds(Shutdown, OpenModel),
        )
        if opened is not None:
            with self._report_errors("OpenModel"):
                self._load_published(*opened)
        # str(): the window would import torch to unpickle a TorchVersion.
        versions = {"latentlab": latentlab.__version__, "torch": str(torch.__version__)}
        if self._own_process:
            gc.freeze()  # torch's hundred thousand objects live as long as the process: a collection need not scan them
        self._workspace.send(WorkerReady(str(device), tuple(available_devices()), versions, os.getpid()))

    def _load_published(self, path: Path, file: ModelFile) -> None:
        """Load the model that the window shows; if that fails, close it before the failure is reported."""
        try:
            self._model_loader.load_published(path, file)
        except Exception as error:
            if not is_device_lost(error):  # the next worker opens it
                self._workspace.close_model()
            raise

    def _iterate(self) -> None:
        """Answer waiting requests; then do one piece of each unfinished work."""
        began = time.perf_counter()
        run_is_active = self._run is not None and self._run.is_active
        jobs = self._jobs, self._board_jobs, self._preview, self._selection
        is_busy = run_is_active or any(jobs) or bool(self._interactive.working_on)
        request = self._inbox.take(0.0 if is_busy else self._seconds_idle())
        answers = 0
        while request is not None and not self._is_ending:
            with self._report_errors(type(request).__name__):
                self._answer(request)
            answers += 1
            request = self._inbox.take() if answers < _ANSWERS_PER_ITERATION else None
        if answers:
            self._prefetcher.import_jobs()
        if self._inbox.closed:
            self._is_ending = True
        if self._is_ending:
            return
        self._check_others()
        self._advance_interactive()
        self._preview.advance()
        self._board_jobs.advance()
        self._selection.advance()
        self._advance_jobs(0.0 if run_is_active else time.perf_counter() - began)
        if run_is_active and self._run is not None and self._run.is_active:  # not if it has just been paused
            self._advance_run(self._run)
            self._concurrent_decoder.after_iteration(time.perf_counter() - began)

    def _seconds_idle(self) -> float | None:
        """Seconds until a run folder or a layout is to be checked again; ``None`` when there is none."""
        waits = (self._run_history.wait(), self._model_loader.wait(), self._embedding.wait())
        return min((wait for wait in waits if wait is not None), default=None)

    def _check_others(self) -> None:
        """Publish what runs that are trained elsewhere, and a layout of points, have gained since the last check."""
        with self._report_errors("CompareRuns"):
            self._run_history.check()
        with self._report_errors("OpenModel") as failed:
            self._model_loader.check()
        if failed:
            self._model_loader.stop_watching()
        with self._report_errors("Embed"):
            self._embedding.check()

    def _advance_interactive(self) -> None:
        """Do one piece, or several if training steps are long, so that an answer does not take many steps."""
        end = time.perf_counter() + _SHARE_BESIDE_A_STEP * self._step_seconds
        while name := self._interactive.working_on:
            with self._report_errors(name):
                self._interactive.advance()
            if time.perf_counter() >= end:
                return

    def _advance_jobs(self, seconds: float) -> None:
        """Do one piece, or several if what was before them took long, as with a slow function of another process.

        Opening images and encoding them has many short pieces, which would else take as many slow answers.
        """
        end = time.perf_counter() + _SHARE_BESIDE_A_SLOW_ANSWER * (seconds if seconds >= _SLOW_ANSWER else 0.0)
        self._jobs.advance()
        while self._jobs and time.perf_counter() < end and not self._inbox.holds(OpenModel, Shutdown):
            self._jobs.advance()

    def _advance_run(self, run: TrainingJob) -> None:
        began = time.perf_counter()
        with self._report_errors("Train") as failed:
            run.step()
        self._step_seconds = time.perf_counter() - began if run.is_active else 0.0
        if run.closing or failed or not run.is_active:
            self._concurrent_decoder.set_model(None)  # the best weights replace the newest, or no steps follow
        if failed:
            with self._report_errors("Train"):
                run.abandon()
        if failed or run.state == "idle":
            self._run = None

    # --- requests ------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        if isinstance(request, Ping):
            self._workspace.send(Pong())
            return
        if isinstance(request, _MAY_TAKE_LONG):
            self._workspace.send(WorkBegun(type(request).__name__))
        self._dispatch(request)

    def _work_beside(self, request: DrawThumbnail | FindDirection | Embed) -> None:
        """Begin what waits for no opening, and for which none waits."""
        if isinstance(request, Embed):
            self._embedding.answer(request)
        else:
            self._board_jobs.put(request)

    def _dispatch(self, request: Request) -> None:
        match request:
            case Decode():
                self._decode_service.answer(request)
            case Shutdown():
                self._is_ending = True
            case OpenModel():
                self._check_no_run("opening another model")
                self._model_loader.open(request)
            case (
                OpenDataset()
                | CloseDataset()
                | PreviewDataset()
                | CancelLoading()
                | CloseComparison()
                | CancelFilm()
                | CancelExport()
            ):
                self._load_or_cancel(request)
            case SummarizeSelection() | SearchImages() | RankImages() | CancelRanking():
                self._selection.put(request)
            case (
                EncodeDataset()
                | SaveModel()
                | OpenComparison()
                | ExportSelection()
                | ExportFilm()
                | ExportFile()
                | DecodeMap()
                | WriteSubset()
                | EncodeSelection()
                | MeasureModel()
            ):
                self._jobs.put(request)
            case DrawThumbnail() | FindDirection() | Embed():
                self._work_beside(request)
            case EncodeImage() | EncodeDrawing():
                self._encode(request)
            case Train():
                self._train(request)
            case PauseTraining() | UnpauseTraining() | StopTraining() | AdjustTraining():
                self._control_run(request)
            case ReadSnapshot() | ReadEpochs() | CompareRuns():
                self._run_history.answer(request)
            case _:
                self._interactive.answer(request)

    def _encode(self, request: EncodeImage | EncodeDrawing) -> None:
        from latentlab.engine.worker.encode_image import encode_drawing, encode_image

        if isinstance(request, EncodeImage):
            encode_image(self._workspace, request)
        else:
            encode_drawing(self._workspace, request)

    def _load_or_cancel(
        self,
        request: OpenDataset
        | CloseDataset
        | PreviewDataset
        | CancelLoading
        | CloseComparison
        | CancelFilm
        | CancelExport,
    ) -> None:
        match request:
            case OpenDataset():
                self._prefetcher.import_optimizers()
                self._preview.cancel()
                self._jobs.cancel_loading()
                self._jobs.put(request)
            case CloseDataset():
                self._close_dataset()
            case PreviewDataset():
                self._preview.put(request)
            case CancelLoading():
                if self._jobs.cancel_loading():
                    self._workspace.send(DatasetCancelled())
            case CancelFilm():
                if self._jobs.cancel_film():
                    self._workspace.send(FilmCancelled())
            case CancelExport():
                if self._jobs.cancel_export():
                    self._workspace.send(ExportCancelled())
            case CloseComparison():
                self._jobs.cancel_comparison()
                self._workspace.compared = None

    def _close_dataset(self) -> None:
        self._check_no_run("closing its images")
        self._preview.cancel()
        self._jobs.cancel_loading()
        self._workspace.dataset = None
        self._workspace.send(DatasetClosed())

    def _train(self, request: Train) -> None:
        self._check_no_run("starting another")
        if self._own_process:
            yield_to_the_window(but=self._concurrent_decoder.thread_id)
        # Much may have to be imported first: torch's compiler takes seconds.
        self._concurrent_decoder.set_model(self._workspace.model)
        model = None
        try:
            with short_gil_switch_interval() if self._own_process else nullcontext():
                from latentlab.engine.worker.training_job import TrainingJob

                self._run = TrainingJob(self._workspace, request, self._device_name)
            model = self._run.model
        finally:
            self._concurrent_decoder.set_model(model)
        self._model_loader.stop_watching()
        self._workspace.send(WorkBegun(type(request).__name__))  # the first step may compile, and record a graph

    def _control_run(self, request: Request) -> None:
        run = self._run
        if run is None:
            if isinstance(request, AdjustTraining):
                return  # the run ended before the window knew
            raise InputError("there is no active run")
        match request:
            case PauseTraining():
                self._concurrent_decoder.set_model(None)
                run.pause()
            case UnpauseTraining():
                run.unpause()
                self._concurrent_decoder.set_model(run.model)
            case StopTraining():
                run.stop()
            case AdjustTraining():
                run.adjust(request)

    def _check_no_run(self, before: str) -> None:
        if self._run is not None:
            raise InputError(f"stop the run before {before}")

    # --- the end ---------------------------------------------------------------------------------------

    def _shut_down(self) -> None:
        """Checkpoint an active run, and close unfinished work."""
        self._interactive.cancel_all()
        self._embedding.close()
        self._preview.cancel()
        self._selection.cancel_all()
        self._jobs.cancel_running()
        self._board_jobs.cancel_running()
        if self._run is not None:
            with self._report_errors("Shutdown"):
                self._run.shut_down()


def _discard(result: object) -> None:
    """Receives results after the window is gone."""
