"""When a run ends."""

from __future__ import annotations

from typing import Literal

from latentlab.training.checkpoint import RunProgress, Schedule
from latentlab.training.distributed import ProcessGroup

_STEPS_BETWEEN_QUESTIONS = 10  # whether to stop, put to every process: an answer makes the device wait


class Ending:
    """Knows whether a run goes on: until its epochs are done, its patience is at its end, or it is asked to stop.

    Parameters
    ----------
    position, plan
        How far the run is, and how long it is to be.
    group
        The processes that train together: they end after the same step, whichever of them was asked.
    """

    def __init__(self, position: RunProgress, plan: Schedule, group: ProcessGroup | None) -> None:
        self._position, self._plan, self._group = position, plan, group
        self._asked = False  # of this process
        self._agreed = False  # by all

    def ask(self) -> None:
        """Let the run end after its current step."""
        self._asked = True

    def withdraw(self) -> None:
        """Let the run go on after all; several processes cannot take back what they have agreed on."""
        self._asked = False

    def is_now(self) -> bool:
        """Whether to end after the step just taken; several processes agree on it every few steps."""
        if self._group is None:
            return self._asked
        if self._position.step % _STEPS_BETWEEN_QUESTIONS == 0 and self._group.any(self._asked):
            self._agreed = True
        return self._agreed

    @property
    def goes_on(self) -> bool:
        """Whether another epoch is to be trained, or the one that runs to be brought to its end."""
        stops = self._asked if self._group is None else self._agreed
        return not (stops or self._is_done or self._is_out_of_patience)

    @property
    def reason(self) -> Literal["done", "patience", "stopped"]:
        """Why it does not go on."""
        if self._is_done:
            return "done"
        return "patience" if self._is_out_of_patience else "stopped"

    @property
    def _is_done(self) -> bool:
        return self._position.epochs_done >= self._plan.epochs

    @property
    def _is_out_of_patience(self) -> bool:
        return 0 < self._plan.patience <= self._position.stale_epochs
