"""What is changed by hand while a run goes on, and how it is told and noted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

from latentlab.config.events import Adjusted
from latentlab.training.checkpoint import RunState
from latentlab.training.run_writer import Output


class Adjustments:
    """Applies changes to a live run and writes them down: of a hand that drags only where it came to rest.

    Parameters
    ----------
    state
        The run that is changed.
    output
        Where it is noted.
    steps_per_epoch
        Says of which epoch a step is.
    """

    def __init__(self, state: RunState, output: Output, steps_per_epoch: int) -> None:
        self._state, self._output, self._steps_per_epoch = state, output, steps_per_epoch
        self._changes: dict[str, Any] = {}
        self._changed_at, self._told_from = (0, 0.0), 0.0  # step and epoch of the last change, and when it is told
        self._noted: list[Adjusted] = []

    def change(
        self,
        learning_rate: float | None,
        beta: float | None,
        schedule: Literal["constant", "cosine"] | None,
        epochs: int | None,
        patience: int | None,
        rest: float,
    ) -> None:
        """Change what is not ``None``; see :meth:`Training.update`."""
        state = self._state
        if epochs is not None:
            state.plan.epochs = epochs = max(epochs, state.position.epochs_done + 1)
        if patience is not None:
            state.plan.patience = patience
        if learning_rate is not None:
            state.optimisers.learning_rate = learning_rate
        if schedule is not None:
            state.optimisers.schedule = schedule
        if beta is not None:
            state.model.beta = beta
        new = {
            "learning_rate": learning_rate,
            "beta": beta,
            "schedule": schedule,
            "epochs": epochs,
            "patience": patience,
        }
        changes = {name: value for name, value in new.items() if value is not None}
        step = state.position.step
        here = step, step / self._steps_per_epoch
        if here != self._changed_at and self._changes.keys() - changes.keys():
            self.note()  # of other things, from another step on
        self._changes |= changes
        self._changed_at, self._told_from = here, time.monotonic() + rest

    def note(self) -> None:
        """Write down what was changed; before a checkpoint too, which holds the changed values."""
        if self._changes:
            event = Adjusted(*self._changed_at, **self._changes)
            self._changes = {}
            self._state.position.adjustments += 1
            self._noted.append(event)
            self._output.note(event)

    def news(self) -> Iterator[Adjusted]:
        """What was noted and not told yet, with what has come to rest since."""
        if self._changes and time.monotonic() >= self._told_from:
            self.note()
        told, self._noted = self._noted, []
        yield from told
