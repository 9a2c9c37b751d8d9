"""The clock of a run, and its progress reports with the time that is left."""

from __future__ import annotations

import os
import time
from collections import deque

import torch

from latentlab.config.events import Progress, Started
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import TrainerState
from latentlab.training.map_preview import MAX_POINTS

_PAUSE = 1.0  # seconds without work that count as a pause rather than as the window's share of the processor
_RATE_READ_OUTS = 20
_PACE_READ_OUTS = 600  # a minute: the time left follows the pace of the last one
_REPORT_SECONDS = 0.1

# Work per image, relative to a training step: forward through all networks, and through the encoder alone.
_VALIDATION_WORK = 1 / 3
_ENCODING_WORK = 1 / 6


class RunClock:
    """The seconds of a run without its pauses, its speed, and how long it will take.

    Parameters
    ----------
    seconds
        Of the run before it was resumed.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._last = time.monotonic()
        self._images = 0
        self._steps, self._step_seconds = 0, 0.0
        self._epochs, self._other_seconds = 0, 0.0  # ends of epochs, and seconds spent outside steps
        self._rates: deque[tuple[float, int]] = deque([(seconds, 0)], maxlen=_RATE_READ_OUTS)
        self._paces: deque[tuple[float, int]] = deque([(0.0, 0)], maxlen=_PACE_READ_OUTS)

    def resume(self) -> None:
        """Call before some work: a long time since the end of the last was a pause."""
        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now

    def tick(self, images: int = 0) -> None:
        """Count the time since the last tick; with images, as a step."""
        now = time.monotonic()
        passed = now - self._last
        self.seconds += passed
        self._last = now
        if images:
            self._images += images
            self._steps += 1
            self._step_seconds += passed
        else:
            self._other_seconds += passed

    def end_epoch(self) -> None:
        """Call when an epoch, its validation and its checkpoint are done."""
        self._epochs += 1

    def images_per_second(self) -> float:
        """The speed over the last read-outs, this one included."""
        self._rates.append((self.seconds, self._images))
        self._paces.append((self._step_seconds, self._steps))
        seconds, images = self._rates[0]
        return (self._images - images) / max(1e-9, self.seconds - seconds)

    def remaining(
        self, steps: int, epochs: int = 0, epoch_end_steps: float = 0.0, run_end_steps: float = 0.0
    ) -> float | None:
        """Seconds for the rest of the run at the recent pace; ``None`` before the first step.

        Parameters
        ----------
        steps, epochs
            Remaining steps, and remaining ends of epochs with their validation and checkpoints.
        epoch_end_steps, run_end_steps
            Estimated duration of the end of an epoch, and of the run, in steps. The former is used until the end of an
            epoch has been measured.
        """
        if not self._steps:
            return None
        seconds, done = self._paces[0]
        if done == self._steps:  # none since the oldest read-out
            seconds, done = 0.0, 0
        pace = (self._step_seconds - seconds) / (self._steps - done)
        epoch_end = self._other_seconds / self._epochs if self._epochs else epoch_end_steps * pace
        return pace * (steps + run_end_steps) + epoch_end * epochs


class ProgressReporter:
    """Makes the events that report a run's start, and its progress ten times a second.

    Parameters
    ----------
    state, batches, validation_images
        The run, its training batches and its number of validation images.
    clock
        The run's clock.
    """

    def __init__(self, state: TrainerState, batches: BatchLoader, validation_images: int, clock: RunClock) -> None:
        self._state, self._batches, self._validation_images, self._clock = state, batches, validation_images, clock
        self._reported_at = time.monotonic()

    def started(self, precision: str, threads: int) -> Started:
        """The first event of the run."""
        state, batches, model = self._state, self._batches, self._state.model
        return Started(
            recipe=state.config.model.recipe,
            images=batches.num_images,
            validation_images=self._validation_images,
            device=str(batches.device),
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            latent_dim=model.latent_dim,
            image_shape=model.image_shape,
            epoch=state.progress.epochs_done,
            epochs=state.limits.epochs,
            steps_per_epoch=batches.steps_per_epoch,
            precision=precision,
            beta=model.beta,
            threads=threads,
        )

    def is_due(self) -> bool:
        """Whether to report now: reading the means makes the device wait."""
        return time.monotonic() - self._reported_at >= _REPORT_SECONDS

    def report(self) -> Progress:
        """The means since the start of the epoch, the recent ones, and the speed."""
        self._reported_at = time.monotonic()
        progress, epochs = self._state.progress, self._state.limits.epochs
        means, recent = self._state.means.read_out()
        return Progress(
            step=progress.step,
            steps=self._batches.steps_per_epoch * epochs,
            epoch=progress.epochs_done + 1,
            epochs=epochs,
            train=means,
            images_per_second=self._clock.images_per_second(),
            seconds=self._clock.seconds,
            remaining=self._remaining(),
            device_memory=device_memory(self._batches.device),
            recent=recent,
        )

    def _remaining(self) -> float | None:
        """Seconds to the end of the run with its final encoding, if patience does not end it earlier."""
        progress, batches, epochs = self._state.progress, self._batches, self._state.limits.epochs
        points = min(MAX_POINTS, batches.num_images + self._validation_images)
        return self._clock.remaining(
            batches.steps_per_epoch * epochs - progress.step,
            epochs - progress.epochs_done,
            _VALIDATION_WORK * self._validation_images / batches.batch_size,
            _ENCODING_WORK * points / batches.batch_size,
        )


def device_memory(device: torch.device) -> int | None:
    """Bytes of the device's memory that this process holds (on the CPU: resident memory), or ``None`` if unknown.

    Does not wait for the device.
    """
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
