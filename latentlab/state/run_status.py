"""The training run as the window knows it: its state, its progress, and what can be done with it (no Qt)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from latentlab.config import RunConfig
from latentlab.config.info import DatasetInfo

INTERRUPTED = "interrupted"
"""The end reason of a run that failed or whose worker was lost."""


class RunState(StrEnum):
    """The states of a training."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


@dataclass(frozen=True)
class RunStatus:
    """The active run, the last one, or one that was opened.

    Attributes
    ----------
    state, folder
        Its state, and the folder it is written to, which is empty before the first run.
    config
        Its settings, with the changes made during training; ``None`` before the first run.
    source, fingerprint
        The images it is trained on.
    epoch
        Epochs done, with a fraction.
    completed_epochs, epochs
        Complete epochs done, and the total number planned.
    current_epoch
        Number of the epoch in progress, counted from 1; 0 before the first step.
    fraction
        Completed fraction, 0 to 1; ``None`` while unknown.
    images_per_second, seconds_left
        Its speed, and the expected remaining time; ``None`` while unknown.
    has_started
        Whether it was trained in this window, to its first step at least.
    end_reason
        ``done``, ``patience``, ``stopped`` or ``interrupted``; empty during training, and for a run without a
        checkpoint.
    message
        How it ended, for the user; empty during training.
    is_followed
        Whether it was opened and its metrics have been read.
    is_trained_elsewhere
        Whether it was opened and is being trained by another process.
    """

    state: RunState = RunState.IDLE
    folder: str = ""
    config: RunConfig | None = None
    source: str = ""
    fingerprint: str = ""
    epoch: float = 0.0
    completed_epochs: int = 0
    epochs: int = 0
    current_epoch: int = 0
    fraction: float | None = None
    images_per_second: float = 0.0
    seconds_left: float | None = None
    has_started: bool = False
    end_reason: str = ""
    message: str = ""
    is_followed: bool = False
    is_trained_elsewhere: bool = False

    @property
    def is_active(self) -> bool:
        """Whether there is a run that closing the window would interrupt."""
        return self.state is not RunState.IDLE

    @property
    def is_learning(self) -> bool:
        """Whether it may change the weights at any moment, and other requests slow it down."""
        return self.state not in (RunState.IDLE, RunState.PAUSED)

    @property
    def can_pause(self) -> bool:
        """Whether it can be paused."""
        return self.state is RunState.RUNNING

    @property
    def can_unpause(self) -> bool:
        """Whether it is paused and can continue."""
        return self.state is RunState.PAUSED

    @property
    def can_adjust(self) -> bool:
        """Whether β and the adjustable settings can be changed: it is running or paused."""
        return self.can_pause or self.can_unpause

    @property
    def can_stop(self) -> bool:
        """Whether it can be stopped."""
        return self.can_adjust or self.state is RunState.STARTING

    @property
    def planned_epochs(self) -> int:
        """Total epochs planned, if it was stopped or lost before it had them; else 0."""
        is_short = self.end_reason in ("stopped", INTERRUPTED) and self.completed_epochs < self.epochs
        return self.epochs if is_short else 0

    def is_trained_on(self, dataset: DatasetInfo | None) -> bool:
        """Whether these are its images, read with its settings."""
        if dataset is None or self.config is None:
            return False
        same_images = (dataset.fingerprint or dataset.source) == (self.fingerprint or self.source)
        return same_images and dataset.config == self.config.data

    def missing_source(self, dataset: DatasetInfo | None) -> str:
        """The images that must be opened before the run can be continued; empty if none need to be."""
        return self.source if self.end_reason and not self.is_trained_on(dataset) else ""

    def can_resume(self, dataset: DatasetInfo | None) -> bool:
        """Whether it has ended with a checkpoint and its images are open."""
        return bool(self.end_reason) and self.is_trained_on(dataset)
