"""Answers requests about the selected images that change no state: summary, search, ranking; in steps.

The modules that do the work are imported when first needed: the first image does not need them.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from latentlab.engine.protocol.messages import (
    CancelRanking,
    ImagesFound,
    RankImages,
    SearchImages,
    SummarizeSelection,
)
from latentlab.engine.worker.error_reporting import ErrorReporter
from latentlab.engine.worker.job_queue import Steps, is_exhausted
from latentlab.engine.worker.workspace import Workspace

if TYPE_CHECKING:
    from latentlab.engine.worker.image_ranking import ImageRanking

Answered = SummarizeSelection | SearchImages | RankImages


class SelectionRequests:
    """Works on the newest request of each kind, a step of each in turn.

    Parameters
    ----------
    workspace
        What they are about.
    report_errors
        Turns an exception into a result.
    """

    def __init__(self, workspace: Workspace, report_errors: ErrorReporter) -> None:
        self._workspace, self._report_errors = workspace, report_errors
        self._work: dict[str, Steps] = {}
        self._ranking: ImageRanking | None = None

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return bool(self._work)

    def put(self, request: Answered | CancelRanking) -> None:
        """Start this request, in place of an unfinished one of its kind; or cancel one."""
        if isinstance(request, CancelRanking):
            self.cancel(RankImages.__name__)
            return
        name = type(request).__name__
        self.cancel(name)
        self._work[name] = self._start(request)

    def advance(self) -> None:
        """Do one step of the next piece of work."""
        if not self._work:
            return
        name, work = next(iter(self._work.items()))
        del self._work[name]
        is_over = True
        with self._report_errors(name):
            is_over = is_exhausted(work)
        if not is_over:
            self._work[name] = work  # at the end: the others are next

    def cancel(self, name: str) -> None:
        """Cancel the work for a request of this name."""
        if name in self._work:
            self._work.pop(name).close()

    def cancel_all(self) -> None:
        """Cancel all work."""
        for name in list(self._work):
            self.cancel(name)

    def _start(self, request: Answered) -> Steps:
        match request:
            case SummarizeSelection():
                from latentlab.engine.worker.selection_summary import summarizing

                return summarizing(self._workspace, request)
            case SearchImages():
                return _searching(self._workspace, request)
            case RankImages():
                if self._ranking is None:
                    from latentlab.engine.worker.image_ranking import ImageRanking

                    self._ranking = ImageRanking(self._workspace)
                return self._ranking.answer(request)


def _searching(workspace: Workspace, request: SearchImages) -> Generator[None, None, None]:
    import numpy as np

    from latentlab.data.image_search import class_named, search_images
    from latentlab.engine.worker.selected_images import selectable_images

    available = selectable_images(workspace)
    found = [np.zeros(0, np.int64)]
    for rows in search_images(available.searched(request.tags), request.text):
        found.append(rows)
        yield
    images = available.images[np.concatenate(found)]
    number = class_named(request.text, available.classes)
    what = "" if number is None else f"class {available.classes[number]}"
    workspace.send(ImagesFound(request.generation, request.text, images, available.fingerprint, what))
