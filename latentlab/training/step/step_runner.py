"""How the steps of a run reach its device: threads, precision, waiting queue, and recorded steps."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from latentlab.models.base import StepState
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import TrainerState
from latentlab.training.distributed import ProcessGroup, Shard
from latentlab.training.step.cpu_threads import (
    estimated_threads,
    given_threads,
    is_trial_worthwhile,
    step_flops,
)
from latentlab.training.step.cuda_graph import GraphedStep
from latentlab.training.step.optimizer_step import OptimizerStep, Terms
from latentlab.training.step.precision import GIVEN_UP, Precision
from latentlab.training.step.queue_depth import queue_limiter_for
from latentlab.training.step.step_recorder import recorder_for
from latentlab.training.step.threads_trial import ThreadsTrial


class StepRunner:
    """Runs optimizer steps in the way that suits the device, the model and the settings.

    Parameters
    ----------
    optimizer_step
        The step.
    state, batches
        The run, whose progress says what an earlier part of the run used, and its training images.
    group
        The processes of the run.
    beside_a_window
        Whether this process also serves a window.

    Attributes
    ----------
    threads
        Number of CPU threads of a step; an estimate before ``choose_threads``.
    graphed_step
        Replays steps as CUDA graphs; ``None`` if they are not recorded.
    """

    def __init__(
        self,
        optimizer_step: OptimizerStep,
        state: TrainerState,
        batches: BatchLoader,
        group: ProcessGroup | None,
        beside_a_window: bool = False,
    ) -> None:
        self._optimizer_step, self._state, self._batches, self._group = optimizer_step, state, batches, group
        settings, model, progress, device = state.config.training, state.model, state.progress, batches.device
        self._beside_a_window = beside_a_window
        progress.threads = given_threads(settings, progress.threads)
        self.threads = progress.threads or estimated_threads(settings, model)
        work = step_flops(settings, model)
        self._precision = Precision(settings.precision, model, device, work, progress.precision)
        self._queue_limiter = queue_limiter_for(device)
        self.graphed_step: GraphedStep | None = None
        recorder = recorder_for(device, settings) if group is None else None
        if recorder is not None and batches.resident:
            self.graphed_step = GraphedStep(optimizer_step, batches, model, recorder)

    def choose_threads(self) -> Iterator[None]:
        """Find the number of threads of a new run, a step for each ``next()``; the run itself stays as it is."""
        state, batches = self._state, self._batches
        settings, progress = state.config.training, state.progress
        steps = batches.steps_per_epoch * state.limits.epochs - progress.step
        tries = batches.device.type == "cpu" and self._group is None
        if not progress.threads and tries and is_trial_worthwhile(settings, state.model, steps):
            trial = ThreadsTrial(state, batches, self._beside_a_window)
            yield from trial.steps()
            self.threads = trial.fastest
        progress.threads = self.threads

    def run(
        self, indices: Tensor, positions: Tensor, now: StepState, learning_rate: float, shard: Shard | None
    ) -> Terms:
        """Take one step with the run's random stream; returns its terms, means over the batch, on the device.

        Parameters
        ----------
        indices, positions
            Of this process's images, in the dataset and in the training set.

        Raises
        ------
        NonFiniteStepError
            When the objective or a gradient of a phase is not finite; that phase is not applied.
        RunError
            When the memory is too small even for one image.
        """
        with self._state.stream:
            self._state.model.on_step_start(now)
            if self.graphed_step is not None:
                terms = self.graphed_step.run(indices, positions, now, learning_rate)
            else:
                batch = self._batches.load_varied(indices, positions)
                terms = self._optimizer_step.run(batch, now, learning_rate, shard)
        if self._queue_limiter is not None:
            self._queue_limiter.step_queued()
        return terms

    def check_precision(self) -> None:
        """Fall back to float32 if bfloat16 moves the ELBO of the first images by more than its noise."""
        count = min(self._batches.batch_size, self._optimizer_step.micro_batch)
        if not self._precision.check(self._batches, count, self._state.stream, self._group):
            self._optimizer_step.notices.append(GIVEN_UP)
            if self.graphed_step is not None:
                self.graphed_step.discard_recordings()
        self._state.progress.precision = self._precision.name

    @property
    def precision(self) -> str:
        """``float32`` or ``bfloat16``: what the networks compute in."""
        return self._precision.name
