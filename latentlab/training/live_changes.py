"""Settings that the user changes during a run, reported and recorded once they have settled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

from latentlab.config.events import Adjusted
from latentlab.training.checkpoint import TrainerState
from latentlab.training.run_writer import RunWriter


class LiveChanges:
    """Applies changes to a run at once, and reports and records them debounced.

    Parameters
    ----------
    state
        The run.
    writer
        Records the changes.
    steps_per_epoch
        Optimizer steps in an epoch.
    """

    def __init__(self, state: TrainerState, writer: RunWriter, steps_per_epoch: int) -> None:
        self._state, self._writer, self._steps_per_epoch = state, writer, steps_per_epoch
        self._pending: dict[str, Any] = {}
        self._changed_at, self._record_from = (0, 0.0), 0.0  # step and epoch of the last change; time to record it
        self._recorded: list[Adjusted] = []

    def apply(
        self,
        learning_rate: float | None,
        beta: float | None,
        schedule: Literal["constant", "cosine"] | None,
        epochs: int | None,
        patience: int | None,
        rest: float,
    ) -> None:
        """Change what is not ``None``; see :meth:`Trainer.update`."""
        state = self._state
        if epochs is not None:
            state.limits.epochs = epochs = max(epochs, state.progress.epochs_done + 1)
        if patience is not None:
            state.limits.patience = patience
        if learning_rate is not None:
            state.optimizers.learning_rate = learning_rate
        if schedule is not None:
            state.optimizers.schedule = schedule
        if beta is not None:
            state.model.beta = beta
        given = {
            "learning_rate": learning_rate,
            "beta": beta,
            "schedule": schedule,
            "epochs": epochs,
            "patience": patience,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        now = state.progress.step, state.progress.step / self._steps_per_epoch
        if now != self._changed_at and self._pending.keys() - changes.keys():
            self.record()  # other settings, changed at an earlier step
        self._pending |= changes
        self._changed_at, self._record_from = now, time.monotonic() + rest

    def record(self) -> None:
        """Record the pending changes now: a checkpoint, which holds the changed values, must not come before."""
        if self._pending:
            event = Adjusted(*self._changed_at, **self._pending)
            self._pending = {}
            self._state.progress.adjustments += 1
            self._recorded.append(event)
            self._writer.append(event)

    def events(self) -> Iterator[Adjusted]:
        """The changes not reported yet: those recorded, and those that have settled since."""
        if self._pending and time.monotonic() >= self._record_from:
            self.record()
        recorded, self._recorded = self._recorded, []
        yield from recorded
