"""The worker's own state: what it does, how it ended, what is not open any more (no Qt, no torch).

:class:`~latentlab.engine.client.client.EngineClient` makes these results; only ``ModelClosed`` may also come from the
worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from latentlab.engine.protocol.requests import Train
from latentlab.engine.protocol.results import Result


class WorkerState(StrEnum):
    """The states of the worker, as the window sees it."""

    STARTING = "starting"
    """The first worker imports torch; it already decodes with numpy if its model allows that."""
    READY = "ready"
    """It waits for requests."""
    BUSY = "busy"
    """It trains, opens or saves."""
    NOT_ANSWERING = "not answering"
    """It was asked something and has been silent since; it may be stopped, hang, or be in one long computation."""
    RESTARTING = "restarting"
    """It has ended, and the next one is not ready yet."""
    GIVEN_UP = "given up"
    """Workers kept ending; none is started before ``RestartWorker``, or before another model or dataset is opened."""


@dataclass(frozen=True)
class WorkerStatus(Result):
    """The worker's life; emitted whenever ``state`` changes.

    Attributes
    ----------
    state
        Its state.
    model, dataset
        Sources of the model and the dataset that are open in it; empty for none.
    run
        Folder of its active run; empty for none.
    unanswered
        Names of the requests it has not answered, oldest first.
    """

    state: WorkerState = WorkerState.STARTING
    model: str = ""
    dataset: str = ""
    run: str = ""
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerLost(Result):
    """The worker has ended, and not because the window closes.

    Attributes
    ----------
    exit_code, message, details
        How it ended, and the end of its output.
    run
        Folder of the run that was active; empty for none.
    again
        The request that trains that run again: from its last checkpoint if ``has_checkpoint``, else from the beginning.
    has_checkpoint
        Whether the run has a checkpoint.
    """

    exit_code: int | None
    message: str
    run: str = ""
    details: str = ""
    again: Train | None = None
    has_checkpoint: bool = False


@dataclass(frozen=True)
class ModelClosed(Result):
    """No model is open: a worker could not load the one that the window shows. ``Failed`` says why."""

    model_version: int


@dataclass(frozen=True)
class DatasetClosed(Result):
    """No dataset is open: as was asked for, or a restarted worker could not open it again, and ``Failed`` says why."""
