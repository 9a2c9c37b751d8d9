"""How a run goes, read out ten times a second, and the time that is left."""

from __future__ import annotations

import time

import torch

from latentlab.config.events import Progress
from latentlab.training.checkpoint import DatasetSize, RunState
from latentlab.training.map_preview import MOST_POINTS
from latentlab.training.metrics import RunClock, device_memory

_READ_OUT_SECONDS = 0.1

# Of a training step's work on an image: forward through the networks, and through the encoder alone.
_WORK_OF_VALIDATION = 1 / 3
_WORK_OF_ENCODING = 1 / 6


class ProgressReporter:
    """Tells how a run goes.

    Parameters
    ----------
    state, extent
        The run, and how large it is.
    clock
        What measures it.
    device
        Whose memory is told.
    """

    def __init__(self, state: RunState, extent: DatasetSize, clock: RunClock, device: torch.device) -> None:
        self._state, self._extent, self._clock, self._device = state, extent, clock, device
        self.begin()

    def begin(self) -> None:
        """Count the time to the next read-out from now on."""
        self._read_at = time.monotonic()

    def is_due(self) -> bool:
        """Whether to read out: reading the means makes the device wait."""
        return time.monotonic() - self._read_at >= _READ_OUT_SECONDS

    def read(self) -> Progress:
        """The means so far in this epoch, those of the last moments, and the pace."""
        self.begin()
        at, plan = self._state.position, self._state.plan
        means, recent = self._state.meter.read_out()
        return Progress(
            step=at.step,
            steps=self._extent.steps_per_epoch * plan.epochs,
            epoch=at.epochs_done + 1,
            epochs=plan.epochs,
            train=means,
            images_per_second=self._clock.mark(),
            seconds=self._clock.seconds,
            remaining=self._remaining(),
            device_memory=device_memory(self._device),
            recent=recent,
        )

    def _remaining(self) -> float | None:
        """Seconds to the end of the run, its closing included; no patience is counted on."""
        at, plan, extent = self._state.position, self._state.plan, self._extent
        points = min(MOST_POINTS, extent.training + extent.validation)
        return self._clock.remaining(
            extent.steps_per_epoch * plan.epochs - at.step,
            plan.epochs - at.epochs_done,
            _WORK_OF_VALIDATION * extent.validation / extent.batch,
            _WORK_OF_ENCODING * points / extent.batch,
        )
