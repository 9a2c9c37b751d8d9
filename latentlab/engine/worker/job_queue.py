"""Work of many steps beside a training: jobs that wait for each other, and a preview that waits for none.

What does the work (``jobs``, ``previews``) is imported when it is first wanted: the first image does not need it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TypeAlias

from latentlab.engine.protocol.messages import EncodeDataset, OpenDataset, PreviewDataset, SaveModel
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.workspace import Workspace

Steps: TypeAlias = Generator[None, None, None]
Job: TypeAlias = OpenDataset | EncodeDataset | SaveModel


class JobQueue:
    """Opens, encodes and saves: one after the other, a step at a time.

    Parameters
    ----------
    workspace
        What the jobs work on.
    failures
        Turns an exception into a result.
    """

    def __init__(self, workspace: Workspace, failures: ErrorReporter) -> None:
        self._workspace, self._failures = workspace, failures
        self._waiting: deque[Job] = deque()
        self._running: tuple[str, Steps] | None = None

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return self._running is not None or bool(self._waiting)

    def put(self, job: Job) -> None:
        """Let a job wait for its turn."""
        self._waiting.append(job)

    def advance(self) -> None:
        """Take a step of the job that runs, or of the next."""
        if self._running is None:
            if not self._waiting:
                return
            job = self._waiting.popleft()
            self._running = type(job).__name__, self._begun(job)
        name, work = self._running
        over = True
        with self._failures(name):
            over = next(work, _OVER) is _OVER
        if over:
            self._running = None

    def cancel_loading(self) -> bool:
        """Give up opening and encoding; what is being saved goes on. Whether there was something to give up."""
        given_up = False
        for job in list(self._waiting):
            if not isinstance(job, SaveModel):
                self._waiting.remove(job)
                given_up = True
        if self._running is not None and self._running[0] != SaveModel.__name__:
            self.drop()
            given_up = True
        return given_up

    def drop(self) -> None:
        """Close the job that runs half way, so that its files are too."""
        if self._running is not None:
            self._running[1].close()
            self._running = None

    def _begun(self, job: Job) -> Steps:
        from latentlab.engine.worker.jobs import encoding, opening, saving

        match job:
            case OpenDataset():
                return opening(self._workspace, job)
            case SaveModel():
                return saving(self._workspace, job)
            case EncodeDataset():
                return encoding(self._workspace)


class PreviewSlot:
    """Reads the images of the newest preview that was asked for, a step at a time.

    Parameters
    ----------
    workspace, failures
        As of a :class:`JobQueue`.
    """

    def __init__(self, workspace: Workspace, failures: ErrorReporter) -> None:
        self._workspace, self._failures = workspace, failures
        self._work: Steps | None = None

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return self._work is not None

    def put(self, request: PreviewDataset) -> None:
        """Make this preview, instead of one that is not done."""
        from latentlab.engine.worker.dataset_preview import previewing

        self.drop()
        self._work = previewing(self._workspace, request)

    def advance(self) -> None:
        """Take a step of it."""
        if self._work is None:
            return
        over = True
        with self._failures(PreviewDataset.__name__):
            over = next(self._work, _OVER) is _OVER
        if over:
            self._work = None

    def drop(self) -> None:
        """Close what is half read, so that its files are too."""
        if self._work is not None:
            self._work.close()
            self._work = None


_OVER = object()
