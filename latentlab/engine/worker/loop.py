"""The loop that owns torch: newest decode first, then a piece of the manifold, then a step of what runs, again.

What decodes is imported here; what opens, saves and trains when it is first wanted, or once the first request has been
answered: the first image is not to wait for it.
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
from latentlab.engine.client.restart import DEVICE_LOST
from latentlab.engine.protocol.channel import ChannelClosed, Mailbox
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    CancelLoading,
    DatasetCancelled,
    EncodeDataset,
    EncodeImage,
    Notice,
    OpenDataset,
    OpenModel,
    PauseTraining,
    PreviewDataset,
    Request,
    SaveModel,
    Shutdown,
    StopTraining,
    Train,
    UnpauseTraining,
    WorkerReady,
)
from latentlab.engine.worker.concurrent_decoder import ConcurrentDecoder
from latentlab.engine.worker.error_reporting import DeviceLostError, ErrorReporter
from latentlab.engine.worker.interactive import InteractiveRequests
from latentlab.engine.worker.job_queue import JobQueue, PreviewSlot
from latentlab.engine.worker.model_loader import OpenedModel
from latentlab.engine.worker.prefetch_imports import Ahead
from latentlab.engine.worker.run_history import RunHistoryReader
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import InputError
from latentlab.models.device import available_devices, resolve_device
from latentlab.storage import ModelFile
from latentlab.utils.thread_priority import short_gil_switch_interval, yield_to_the_window

if TYPE_CHECKING:
    from latentlab.engine.worker.training_job import TrainingJob

_BESIDE_A_STEP = 0.15  # of a step's time: how much of pictures may come between two (how many come is theirs to say)
_ANSWERS_IN_A_TURN = 8  # under a fast hand what runs must still get its steps


class Worker:
    """Answers every request of :mod:`latentlab.engine.protocol.messages`, one thing at a time.

    An exception becomes a ``Failed`` result and the loop goes on; only a lost accelerator ends it.

    Parameters
    ----------
    inbox
        Requests.
    workspace
        What there is, and how the window is told.
    device
        Name of the device to compute on.
    own_process
        Whether the process is the worker's alone.
    """

    def __init__(self, inbox: Mailbox, workspace: Workspace, device: str, own_process: bool = False) -> None:
        self._inbox = inbox
        self._workspace = workspace
        self._device_name = device
        self._own_process = own_process
        self._failures = ErrorReporter(workspace)
        self._live = InteractiveRequests(workspace)
        self._run: TrainingJob | None = None
        self._past = RunHistoryReader(workspace)
        self._jobs = JobQueue(workspace, self._failures)
        self._preview = PreviewSlot(workspace, self._failures)
        self._ahead = Ahead(own_process)
        self._ending = False
        self._step_took = 0.0  # seconds; 0 while nothing runs

    def run(self, opened: tuple[Path, ModelFile] | None) -> int:
        """Work until asked to end, or until the mailbox is closed: then checkpoint a live run.

        Parameters
        ----------
        opened
            A model the window has been told of and that is to be loaded.

        Returns
        -------
        int
            0, or ``DEVICE_LOST``.
        """
        # One thread decodes best beside a window: two wait for each other at every small operation.
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._work(opened)
        finally:
            torch.set_num_threads(before)

    def _work(self, opened: tuple[Path, ModelFile] | None) -> int:
        self._hand = ConcurrentDecoder(self._inbox, self._workspace, self._failures)
        try:
            self._start(opened)
            while not self._ending:
                self._turn()
            self._leave()
        except DeviceLostError:
            return DEVICE_LOST
        except ChannelClosed:  # the window is gone, and nobody listens any more
            self._workspace.send = _to_nobody
            self._leave()
        finally:
            self._hand.close()
        return 0

    # --- the loop ------------------------------------------------------------------------------------

    def _start(self, opened: tuple[Path, ModelFile] | None) -> None:
        try:
            device = resolve_device(self._device_name)
        except InputError as error:
            device, self._device_name = torch.device("cpu"), "cpu"
            self._workspace.send(Notice(f"{error}; the CPU is used instead"))
        self._opened = OpenedModel(self._workspace, self._past, device)
        if opened is not None:
            with self._failures("OpenModel"):
                self._opened.begin(*opened)
        # str(): a TorchVersion would have the window import torch to unpickle it.
        versions = {"latentlab": latentlab.__version__, "torch": str(torch.__version__)}
        if self._own_process:
            gc.freeze()  # torch's hundred thousand objects stay: looking through them would hold up a step
        self._workspace.send(WorkerReady(str(device), tuple(available_devices()), versions, os.getpid()))

    def _turn(self) -> None:
        """Answer what waits; then do one piece of each thing that runs."""
        began = time.perf_counter()
        running = self._run is not None and self._run.active
        busy = running or bool(self._jobs or self._preview or self._live.working_on)
        request = self._inbox.take(0.0 if busy else self._idle_for())
        answers = 0
        while request is not None and not self._ending:
            with self._failures(type(request).__name__):
                self._answer(request)
            answers += 1
            request = self._inbox.take() if answers < _ANSWERS_IN_A_TURN else None
        if answers:
            self._ahead.the_rest()
        if self._inbox.closed:
            self._ending = True
        if self._ending:
            return
        self._follow()
        self._advance_live()
        self._preview.advance()
        self._jobs.advance()
        if running and self._run is not None and self._run.active:  # a pause just answered holds it before this step
            self._advance_run(self._run)
            self._hand.turned(time.perf_counter() - began)

    def _idle_for(self) -> float | None:
        """Seconds until a run folder is to be looked at again; ``None`` when none is."""
        return min((wait for wait in (self._past.wait(), self._opened.wait()) if wait is not None), default=None)

    def _follow(self) -> None:
        """Tell what run folders that are trained elsewhere have gained since the last look."""
        with self._failures("CompareRuns"):
            self._past.look()
        with self._failures("OpenModel") as failed:
            self._opened.look()
        if failed:
            self._opened.forget()

    def _advance_live(self) -> None:
        """Do a piece; after a long step so many that a picture is not on its way for as many steps."""
        end = time.perf_counter() + _BESIDE_A_STEP * self._step_took
        while name := self._live.working_on:
            with self._failures(name):
                self._live.advance()
            if time.perf_counter() >= end:
                return

    def _advance_run(self, run: TrainingJob) -> None:
        began = time.perf_counter()
        with self._failures("Train") as failed:
            run.step()
        self._step_took = time.perf_counter() - began if run.active else 0.0
        if run.closing or failed or not run.active:
            self._hand.serve(None)  # other weights than the newest become the live ones, or they rest
        if failed:
            with self._failures("Train"):
                run.abandon()
        if failed or run.state == "idle":
            self._run = None

    # --- requests ------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        match request:
            case Shutdown():
                self._ending = True
            case OpenModel():
                self._need_no_run("opening another model")
                self._opened.open(request)
            case OpenDataset():
                self._ahead.training()
                self._preview.drop()
                self._jobs.cancel_loading()
                self._jobs.put(request)
            case PreviewDataset():
                self._preview.put(request)
            case EncodeDataset() | SaveModel():
                self._jobs.put(request)
            case CancelLoading():
                if self._jobs.cancel_loading():
                    self._workspace.send(DatasetCancelled())
            case EncodeImage():
                from latentlab.engine.worker.jobs import encode_image

                encode_image(self._workspace, request)
            case Train():
                self._train(request)
            case PauseTraining() | UnpauseTraining() | StopTraining() | AdjustTraining():
                self._steer(request)
            case _ if not self._past.answer(request):
                self._live.answer(request)

    def _train(self, request: Train) -> None:
        self._need_no_run("starting another")
        if self._own_process:
            yield_to_the_window(but=self._hand.thread)
        # Much may have to be imported first; torch's compiler takes seconds.
        self._hand.serve(self._workspace.model)
        model = None
        try:
            with short_gil_switch_interval() if self._own_process else nullcontext():
                from latentlab.engine.worker.training_job import TrainingJob

                self._run = TrainingJob(self._workspace, request, self._device_name)
            model = self._run.model
        finally:
            self._hand.serve(model)
        self._opened.forget()

    def _steer(self, request: Request) -> None:
        run = self._run
        if run is None:
            if isinstance(request, AdjustTraining):
                return  # asked for while the run's end was on its way to the window
            raise InputError("there is no run to steer")
        match request:
            case PauseTraining():
                self._hand.serve(None)
                run.pause()
            case UnpauseTraining():
                run.go_on()
                self._hand.serve(run.model)
            case StopTraining():
                run.stop()
            case AdjustTraining():
                run.adjust(request)

    def _need_no_run(self, before: str) -> None:
        if self._run is not None:
            raise InputError(f"stop the run before {before}")

    # --- ends ----------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Checkpoint a live run, and let go of what is half done."""
        self._live.drop()
        self._preview.drop()
        self._jobs.drop()
        if self._run is not None:
            with self._failures("Shutdown"):
                self._run.leave()


def _to_nobody(result: object) -> None:
    """Where results go when the window is gone."""
