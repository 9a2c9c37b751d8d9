"""Steps recorded as CUDA graphs and replayed, so that the GPU does not wait for Python.

A step of a small model is a hundred kernels of a few microseconds each; launching one from Python takes longer than
running it. A CUDA graph launches all of them at once. It is used rather than ``torch.compile`` because recording takes
about as long as a step, where compiling takes many seconds, and because losses, gradients, guard and optimizer are
replayed as they are, so that a replay can be compared with the step it was recorded from.

A replay repeats everything except what it reads from tensors: the indices of the images, the learning rate, the state
of the random numbers, and the model's schedules (rate weight, capacity, temperature), which ``on_step_start`` writes
into their buffers before each step. There is a recording for each batch size: the last batch of an epoch may be
smaller. Steps that cannot be recorded (a split batch, a model that reads values from the device) run eagerly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.base import LatentModel, StepState
from latentlab.training.batches import BatchLoader
from latentlab.training.step.optimizer_step import OptimizerStep, Terms
from latentlab.training.step.step_recorder import Recording, StepRecorder
from latentlab.training.step.verify_replay import replay_error

# Eager steps of a batch size before its step is recorded: the first steps allocate and initialise whatever is created
# on first use. For a second size, one is enough.
_FIRST_STEPS, _FIRST_OF_A_SIZE = 3, 1


class GraphedStep:
    """Runs the optimizer steps of a run as replays where possible, and eagerly otherwise.

    Parameters
    ----------
    optimizer_step, batches, model
        The step, its images and its model.
    recorder
        Records the steps.
    """

    def __init__(
        self, optimizer_step: OptimizerStep, batches: BatchLoader, model: LatentModel, recorder: StepRecorder
    ) -> None:
        self._step, self._batches, self._model = optimizer_step, batches, model
        self._recorder: StepRecorder | None = recorder
        sizes = (batches.batch_size, batches.num_images % batches.batch_size)
        self._sizes = {size: _BatchSize(size, batches.device) for size in sizes if size}

    @property
    def recorded_sizes(self) -> set[int]:
        """The batch sizes whose step is recorded."""
        return {size for size, state in self._sizes.items() if state.recording is not None}

    def run(self, indices: Tensor, positions: Tensor, state: StepState, learning_rate: float) -> Terms:
        """Take one step.

        Parameters
        ----------
        indices, positions
            Of the images, in the dataset and in the training set.
        state, learning_rate
            As ``OptimizerStep.run`` takes them.

        Returns
        -------
        dict
            The step's terms, to be read before the next step.
        """

        def eager_step() -> Terms:
            return self._step.run(self._batches.load_varied(indices, positions), state, learning_rate)

        recorder, size = self._recorder, self._sizes.get(len(indices))
        if recorder is None or size is None:
            return eager_step()
        if len(indices) > self._step.micro_batch:
            size.recording = None  # it holds memory, which is short
            return eager_step()
        if not self._model.is_capturable:
            return eager_step()
        if size.recording is None and not self._is_warm(size):
            return recorder.warm_up(eager_step)
        size.set_indices(indices, positions)
        self._step.optimizers.set_learning_rate(learning_rate)
        if size.recording is None:
            size.recording = self._record(recorder, size, state)
        return eager_step() if size.recording is None else size.recording.replay()

    def discard_recordings(self) -> None:
        """Record again: what a step computes has changed other than through the tensors that it reads."""
        for size in self._sizes.values():
            size.recording, size.eager_steps = None, 0

    def _is_warm(self, size: _BatchSize) -> bool:
        """Whether the step of this size can be recorded now; if not, counts the eager step taken instead."""
        size.eager_steps += 1
        return size.eager_steps > (_FIRST_OF_A_SIZE if self.recorded_sizes else _FIRST_STEPS)

    def _record(self, recorder: StepRecorder, size: _BatchSize, state: StepState) -> Recording | None:
        """Record a step on the current images and verify it; on failure, run eagerly from now on."""

        def step() -> Terms:
            return self._step.run_recordable(self._batches.load_varied(size.indices, size.positions), state)

        recording: Recording | None = None
        try:
            recording = recorder.record(step)
            error = replay_error(self._step, self._batches.device, step, recording.replay)
        except RuntimeError as raised:
            error = str(raised).strip().partition("\n")[0]
            # Tensors of the partial step are not where it says they are. If the device is lost, the next step fails.
            self._step.discard_partial_step()
        if not error:
            return recording
        self._recorder = None
        self.discard_recordings()
        self._step.notices.append(
            f"the steps cannot be replayed as a CUDA graph ({error}); continuing without, which is slower"
        )
        return None


class _BatchSize:
    """The recording for batches of one size, and the tensors from which it reads the indices of its images."""

    def __init__(self, size: int, device: torch.device) -> None:
        self.indices = torch.zeros(size, dtype=torch.int64, device=device)
        self.positions = torch.zeros_like(self.indices)
        self.recording: Recording | None = None
        self.eager_steps = 0

    def set_indices(self, indices: Tensor, positions: Tensor) -> None:
        """Use these images in the next replay."""
        torch._foreach_copy_([self.indices, self.positions], [indices, positions])
