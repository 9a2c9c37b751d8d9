"""Work of many steps beside a training: jobs that run one after the other, and a preview that does not wait for them.

The modules that do the work (``jobs``, ``dataset_preview``) are imported when first needed: the first image does not
need them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import TypeAlias

from latentlab.engine.protocol.messages import (
    DecodeMap,
    DrawThumbnail,
    EncodeDataset,
    EncodeSelection,
    ExportFile,
    ExportFilm,
    ExportSelection,
    FindDirection,
    MeasureModel,
    OpenComparison,
    OpenDataset,
    PreviewDataset,
    SaveModel,
    WriteSubset,
)
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.workspace import Workspace

Steps: TypeAlias = Generator[None, None, None]
Job: TypeAlias = (
    OpenDataset
    | EncodeDataset
    | SaveModel
    | DrawThumbnail
    | FindDirection
    | OpenComparison
    | ExportSelection
    | ExportFilm
    | ExportFile
    | DecodeMap
    | WriteSubset
    | EncodeSelection
    | MeasureModel
)
_FINISHED = (SaveModel, ExportSelection, ExportFilm, ExportFile, DecodeMap, WriteSubset, MeasureModel)
"""Jobs that another opening does not cancel: they write, or are soon done and must be answered."""


class JobQueue:
    """Opens, encodes and saves, or works for the Board: one job after the other, a step at a time.

    Parameters
    ----------
    workspace
        What the jobs work on.
    report_errors
        Turns an exception into a result.
    """

    def __init__(self, workspace: Workspace, report_errors: ErrorReporter) -> None:
        self._workspace, self._report_errors = workspace, report_errors
        self._waiting: deque[Job] = deque()
        self._running: tuple[Job, Steps] | None = None

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return self._running is not None or bool(self._waiting)

    def put(self, job: Job) -> None:
        """Add a job."""
        if isinstance(job, OpenComparison):
            self.cancel_comparison()
        self._waiting.append(job)

    def cancel_comparison(self) -> None:
        """Cancel the opening of a comparison."""
        self._waiting = deque(job for job in self._waiting if not isinstance(job, OpenComparison))
        if self._running is not None and isinstance(self._running[0], OpenComparison):
            self.cancel_running()

    def advance(self) -> None:
        """Take a step of the running job, or start the next one."""
        if self._running is None:
            if not self._waiting:
                return
            job = self._waiting.popleft()
            self._running = job, self._start(job)
        job, work = self._running
        is_over = True
        with self._report_errors(type(job).__name__, getattr(job, "path", "")):
            is_over = is_exhausted(work)
        if is_over:
            self._running = None

    def cancel_loading(self) -> bool:
        """Cancel opening and encoding, but not writing or measuring; whether there was anything to cancel."""
        kept: deque[Job] = deque(job for job in self._waiting if isinstance(job, _FINISHED))
        is_cancelled = len(kept) < len(self._waiting)
        self._waiting = kept
        if self._running is not None and not isinstance(self._running[0], _FINISHED):
            self.cancel_running()
            is_cancelled = True
        return is_cancelled

    def cancel_film(self) -> bool:
        """Cancel the films that are written or wait; whether there was one."""
        return self._cancel((ExportFilm,))

    def cancel_export(self) -> bool:
        """Cancel the files and the picture of the map that are written or wait; whether there was one."""
        return self._cancel((ExportFile, DecodeMap))

    def _cancel(self, kinds: tuple[type[Job], ...]) -> bool:
        others: deque[Job] = deque(job for job in self._waiting if not isinstance(job, kinds))
        is_cancelled = len(others) < len(self._waiting)
        self._waiting = others
        if self._running is not None and isinstance(self._running[0], kinds):
            self.cancel_running()
            is_cancelled = True
        return is_cancelled

    def cancel_running(self) -> None:
        """Cancel the running job, so that its files are closed."""
        if self._running is not None:
            self._running[1].close()
            self._running = None

    def _start(self, job: Job) -> Steps:
        if isinstance(job, DrawThumbnail | FindDirection):
            from latentlab.engine.worker import board_jobs

            return board_jobs.start(self._workspace, job)
        from latentlab.engine.worker.jobs import encoding, opening, saving

        match job:
            case OpenComparison() | MeasureModel():
                return _start_measuring(self._workspace, job)
            case OpenDataset():
                return opening(self._workspace, job)
            case SaveModel():
                return saving(self._workspace, job)
            case EncodeDataset():
                return encoding(self._workspace)
            case ExportSelection() | WriteSubset() | EncodeSelection() | ExportFilm() | ExportFile() | DecodeMap():
                return _start_export(self._workspace, job)


def _start_measuring(workspace: Workspace, job: OpenComparison | MeasureModel) -> Steps:
    if isinstance(job, MeasureModel):
        from latentlab.engine.worker.measuring import measuring

        return measuring(workspace, job)
    from latentlab.engine.worker.comparison import comparing

    return comparing(workspace, job)


def _start_export(
    workspace: Workspace, job: ExportSelection | WriteSubset | EncodeSelection | ExportFilm | ExportFile | DecodeMap
) -> Steps:
    from latentlab.engine.worker.export_file import decoding_map, exporting_file
    from latentlab.engine.worker.film import exporting_film
    from latentlab.engine.worker.selection_export import encoding_selection, exporting, writing_subset

    match job:
        case ExportSelection():
            return exporting(workspace, job)
        case WriteSubset():
            return writing_subset(workspace, job)
        case ExportFilm():
            return exporting_film(workspace, job)
        case ExportFile():
            return exporting_file(workspace, job)
        case DecodeMap():
            return decoding_map(workspace, job)
        case EncodeSelection():
            return encoding_selection(workspace, job)


class PreviewSlot:
    """Reads the images of the newest requested preview, step by step.

    Parameters
    ----------
    workspace, report_errors
        As for :class:`JobQueue`.
    """

    def __init__(self, workspace: Workspace, report_errors: ErrorReporter) -> None:
        self._workspace, self._report_errors = workspace, report_errors
        self._work: Steps | None = None

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return self._work is not None

    def put(self, request: PreviewDataset) -> None:
        """Start this preview, in place of an unfinished one."""
        from latentlab.engine.worker.dataset_preview import previewing

        self.cancel()
        self._work = previewing(self._workspace, request)

    def advance(self) -> None:
        """Take a step of the preview."""
        if self._work is None:
            return
        is_over = True
        with self._report_errors(PreviewDataset.__name__):
            is_over = is_exhausted(self._work)
        if is_over:
            self._work = None

    def cancel(self) -> None:
        """Cancel the preview, so that its files are closed."""
        if self._work is not None:
            self._work.close()
            self._work = None


def is_exhausted(steps: Iterator[None]) -> bool:
    """Take a step; whether there was none left."""
    return next(steps, _END) is _END


_END = object()
