"""The loop that owns torch: newest decode first, then a piece of the manifold, then a step of what runs, again.

What decodes is imported here; what opens, saves and trains when it is first wanted, or once the first request has been
answered: the first image is not to wait for it.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch

import latentlab
from latentlab.engine.channel import ChannelClosed, Mailbox
from latentlab.engine.following import Following
from latentlab.engine.hand import Hand, short_turns
from latentlab.engine.live import Live
from latentlab.engine.memory import DEVICE_LOST
from latentlab.engine.messages import (
    AdjustTraining,
    CancelLoading,
    DatasetCancelled,
    EncodeDataset,
    EncodeImage,
    Failed,
    Notice,
    OpenDataset,
    OpenModel,
    PauseTraining,
    PreviewDataset,
    Request,
    ResumeTraining,
    RunFollowed,
    SaveModel,
    Shutdown,
    StopTraining,
    Train,
    WorkerReady,
)
from latentlab.engine.past import Past
from latentlab.engine.priority import yield_to_the_window
from latentlab.engine.reopening import opened_run
from latentlab.engine.workspace import Workspace
from latentlab.errors import InputError, LatentlabError
from latentlab.models.device import available_devices, resolve_device
from latentlab.models.loaded import model_from
from latentlab.storage import ModelFile, RunFolder, find_model, read_model

if TYPE_CHECKING:
    from latentlab.engine.run import Run

Steps: TypeAlias = Generator[None, None, None]

_LATER = ("latentlab.engine.jobs", "latentlab.engine.run")  # what the first image does not need
_ANSWERS_IN_A_TURN = 8  # under a fast hand what runs must still get its steps


class DeviceLostError(Exception):
    """The accelerator answers nothing any more in this process; only another process can go on."""


class Worker:
    """Answers every request of :mod:`latentlab.engine.messages`, one thing at a time.

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
        self._live = Live(workspace)
        self._run: Run | None = None
        self._following: Following | None = None
        self._past = Past(workspace)
        self._waiting: deque[Request] = deque()  # loading and saving that has not begun
        self._job: tuple[str, Steps] | None = None
        self._preview: Steps | None = None
        self._ending = False
        self._warm = self._complete = False

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
        self._hand = Hand(self._inbox, self._workspace, self._failures)
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
            self._device = resolve_device(self._device_name)
        except InputError as error:
            self._device, self._device_name = torch.device("cpu"), "cpu"
            self._workspace.send(Notice(f"{error}; the CPU is used instead"))
        if opened is not None:
            with self._failures("OpenModel"):
                self._load(*opened)
                if self._workspace.info is not None:
                    self._tell_run(self._workspace.info.source)
                    self._watch(self._workspace.info.source)
        # str(): a TorchVersion would have the window import torch to unpickle it.
        versions = {"latentlab": latentlab.__version__, "torch": str(torch.__version__)}
        if self._own_process:
            gc.freeze()  # torch's hundred thousand objects stay: looking through them would hold up a step
        self._workspace.send(WorkerReady(str(self._device), tuple(available_devices()), versions, os.getpid()))

    def _turn(self) -> None:
        """Answer what waits; then do one piece of each thing that runs."""
        began = time.perf_counter()
        running = self._run is not None and self._run.active
        jobs = self._job is not None or self._preview is not None or bool(self._waiting)
        busy = running or jobs or bool(self._live.working_on)
        request = self._inbox.take(0.0 if busy else self._idle_for())
        answers = 0
        while request is not None and not self._ending:
            with self._failures(type(request).__name__):
                self._answer(request)
            answers += 1
            request = self._inbox.take() if answers < _ANSWERS_IN_A_TURN else None
        if answers and not self._complete:
            self._import_the_rest()
        if self._inbox.closed:
            self._ending = True
        if self._ending:
            return
        self._follow()
        self._advance_live()
        self._advance_preview()
        self._advance_job()
        if running and self._run is not None and self._run.active:  # a pause just answered holds it before this step
            self._advance_run(self._run)
            self._hand.turned(time.perf_counter() - began)

    def _idle_for(self) -> float | None:
        """Seconds until a run folder is to be looked at again; ``None`` when none is."""
        waits = [self._past.wait(), None if self._following is None else self._following.wait()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _follow(self) -> None:
        """Tell what run folders that are trained elsewhere have gained since the last look."""
        with self._failures("CompareRuns"):
            self._past.look()
        following = self._following
        if following is None:
            return
        with self._failures("OpenModel") as failed:
            news, run = following.news(), str(following.folder.path)
            if news.events:
                self._workspace.send(RunFollowed(run, news.events))
            if news.kept:
                self._past.tell_epochs(run)
            if news.model is not None:
                path = following.folder.model
                self._load(path, news.model)
                self._workspace.tell_file(path, news.model, run, fresh=False)
        if failed:
            self._following = None

    def _tell_run(self, source: str) -> None:
        """Tell of the run whose folder was opened, if it is one's."""
        run = opened_run(source)
        if run is not None:
            self._workspace.send(run)

    def _watch(self, source: str) -> None:
        """Follow the run folder that was opened as the live model; any other model ends it."""
        self._following = Following(Path(source)) if RunFolder(source).record.exists() else None

    def _advance_live(self) -> None:
        name = self._live.working_on
        if not name:
            return
        with self._failures(name):
            self._live.advance()

    def _advance_preview(self) -> None:
        if self._preview is None:
            return
        over = True
        with self._failures(PreviewDataset.__name__):
            over = next(self._preview, _OVER) is _OVER
        if over:
            self._preview = None

    def _advance_job(self) -> None:
        if self._job is None:
            if not self._waiting:
                return
            request = self._waiting.popleft()
            self._job = type(request).__name__, self._begin(request)
        name, work = self._job
        over = True
        with self._failures(name):
            over = next(work, _OVER) is _OVER
        if over:
            self._job = None

    def _advance_run(self, run: Run) -> None:
        with self._failures("Train") as failed:
            run.step()
        if run.closing or failed:
            self._hand.serve(None)  # other weights than the newest become the live ones
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
                self._open_model(request)
            case OpenDataset():
                self._warm_up()
                self._drop_preview()
                self._cancel_loading()
                self._waiting.append(request)
            case PreviewDataset():
                from latentlab.engine.previews import previewing

                self._drop_preview()
                self._preview = previewing(self._workspace, request)
            case EncodeDataset() | SaveModel():
                self._waiting.append(request)
            case CancelLoading():
                if self._cancel_loading():
                    self._workspace.send(DatasetCancelled())
            case EncodeImage():
                from latentlab.engine.jobs import encode_image

                encode_image(self._workspace, request)
            case Train():
                self._train(request)
            case PauseTraining() | ResumeTraining() | StopTraining() | AdjustTraining():
                self._steer(request)
            case _ if not self._past.answer(request):
                self._live.answer(request)

    def _open_model(self, request: OpenModel) -> None:
        self._need_no_run("opening another model")
        path = find_model(request.source)
        file = read_model(path)
        self._load(path, file)  # the live model stays when this fails
        self._workspace.tell_file(path, file, request.source, request.fresh)
        if request.fresh:
            self._tell_run(request.source)
        self._watch(request.source)

    def _load(self, path: Path, file: ModelFile) -> None:
        self._workspace.model = model_from(file, self._device, path)

    def _begin(self, request: Request) -> Steps:
        from latentlab.engine.jobs import encoding, opening, saving

        match request:
            case OpenDataset():
                return opening(self._workspace, request)
            case SaveModel():
                return saving(self._workspace, request)
            case _:
                return encoding(self._workspace)

    def _import_the_rest(self) -> None:
        """Import beside the loop what the next requests may want."""
        self._complete = True
        if self._own_process:
            threading.Thread(target=import_the_rest, name="latentlab-import", daemon=True).start()

    def _warm_up(self) -> None:
        """Images are wanted, so a training may come: import beside the loop what its optimizer will need."""
        if self._own_process and not self._warm:
            self._warm = True
            threading.Thread(target=import_what_training_needs, name="latentlab-warm-up", daemon=True).start()

    def _cancel_loading(self) -> bool:
        """Give up opening and encoding; what is being saved goes on. Whether there was something to give up."""
        given_up = False
        for request in list(self._waiting):
            if not isinstance(request, SaveModel):
                self._waiting.remove(request)
                given_up = True
        if self._job is not None and self._job[0] != SaveModel.__name__:
            self._job[1].close()
            self._job = None
            given_up = True
        return given_up

    def _drop_preview(self) -> None:
        """Close what is half read, so that its files are too."""
        if self._preview is not None:
            self._preview.close()
            self._preview = None

    def _train(self, request: Train) -> None:
        self._need_no_run("starting another")
        if self._own_process:
            yield_to_the_window(but=self._hand.thread)
        # Much may have to be imported first; torch's compiler takes seconds.
        self._hand.serve(self._workspace.model)
        model = None
        try:
            with short_turns() if self._own_process else nullcontext():
                from latentlab.engine.run import Run

                self._run = Run(self._workspace, request, self._device_name)
            model = self._run.model
        finally:
            self._hand.serve(model)
        self._following = None

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
            case ResumeTraining():
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
        self._drop_preview()
        if self._job is not None:
            self._job[1].close()
        if self._run is not None:
            with self._failures("Shutdown"):
                self._run.leave()

    @contextmanager
    def _failures(self, request: str) -> Iterator[list[str]]:
        """Turn an exception into a result; the list given then holds its message."""
        failed: list[str] = []
        try:
            yield failed
        except (ChannelClosed, DeviceLostError):
            raise
        except LatentlabError as error:
            failed.append(str(error))
            self._workspace.send(Failed(request, str(error), ""))
        except Exception as error:
            message = _sentence(error)
            failed.append(message)
            expected = isinstance(error, MemoryError | torch.OutOfMemoryError)
            self._workspace.send(Failed(request, message, traceback.format_exc(), expected))
            if is_device_lost(error):
                raise DeviceLostError from error


def import_the_rest() -> None:
    """Import what opens, saves and trains; meant for a thread of a process that has no window."""
    with short_turns():
        for name in _LATER:
            import_module(name)


def import_what_training_needs() -> None:
    """Make an optimizer: torch's first one imports its compiler, which takes seconds.

    Meant for a thread of a process that has no window; the loop goes on decoding meanwhile.
    """
    with short_turns():
        torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])


def is_device_lost(error: BaseException) -> bool:
    """Whether the accelerator is of no more use to this process: CUDA's errors stick, but for missing memory."""
    return isinstance(error, torch.AcceleratorError) and not isinstance(error, torch.OutOfMemoryError)


def _sentence(error: BaseException) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "there is too little memory for this; try smaller images, a smaller model or another device"
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _to_nobody(result: object) -> None:
    """Where results go when the window is gone."""


_OVER = object()
