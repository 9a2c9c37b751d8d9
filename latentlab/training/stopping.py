"""When a run ends."""

from __future__ import annotations

from latentlab.config.training import EndReason, end_reason
from latentlab.training.checkpoint import RunLimits, RunProgress
from latentlab.training.distributed import ProcessGroup

_STEPS_BETWEEN_AGREEMENTS = 10  # between processes on whether to stop: it makes the device wait


class StopRule:
    """Ends a run after its epochs, when patience is exhausted, or when it is asked to stop.

    Parameters
    ----------
    progress, limits
        How far the run is, and how far it may go.
    group
        The processes of the run: all end after the same step, whichever of them was asked.
    """

    def __init__(self, progress: RunProgress, limits: RunLimits, group: ProcessGroup | None) -> None:
        self._progress, self._limits, self._group = progress, limits, group
        self._requested = False  # of this process
        self._agreed = False  # by all processes

    def request(self) -> None:
        """End the run after its current step."""
        self._requested = True

    def withdraw_request(self) -> None:
        """Let the run continue after all; several processes cannot withdraw what they have agreed on."""
        self._requested = False

    def stops_now(self) -> bool:
        """Whether to stop after the step just taken; several processes agree on it every few steps."""
        if self._group is None:
            return self._requested
        if self._progress.step % _STEPS_BETWEEN_AGREEMENTS == 0 and self._group.any(self._requested):
            self._agreed = True
        return self._agreed

    @property
    def is_over(self) -> bool:
        """Whether no further epoch is to be trained or finished."""
        stopped = self._requested if self._group is None else self._agreed
        return stopped or self.reason != "stopped"

    @property
    def reason(self) -> EndReason:
        """Why the run is over; ``stopped`` while it is not."""
        limits, progress = self._limits, self._progress
        return end_reason(limits.epochs, limits.patience, progress.epochs_done, progress.stale_epochs)
