"""A step recorded once on a GPU and replayed, so that the GPU need not wait for the program that feeds it.

A step of a small model is a hundred kernels of a few microseconds each; to launch one from Python takes longer than to
run it. A CUDA graph launches all of them at once. It is chosen over ``torch.compile`` because there is nothing to
compile, and so nothing to hide: recording takes about as long as a step; and because losses, gradients, guard and
optimizer are replayed as they are, to be compared with the step they were recorded from.

A recording repeats everything but what it reads from tensors: which images, the learning rate, the state of the random
numbers, and the model's schedules (the rate's weight and capacity, a temperature), which ``on_step_start`` writes into
their buffers before every step. There is one for each size of batch: an epoch's last may be smaller. What does not fit
(a batch that is split, a model that has to ask the device) is computed the usual way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.base import LatentModel, StepState
from latentlab.training.batches import BatchLoader
from latentlab.training.distributed import Share
from latentlab.training.step.optimizer_step import OptimizerStep, Terms
from latentlab.training.step.queue_depth import run_ahead_on
from latentlab.training.step.step_recorder import CudaGraphs, Recorder, Recording, recorder_for
from latentlab.training.step.verify_replay import difference

__all__ = ["CudaGraphs", "GraphedStep", "Recorder", "Recording", "recorder_for"]

# Steps of a size before one is recorded: they bring up all that is made at the first use. What depends on the size
# alone is made in one.
_FIRST_STEPS, _FIRST_OF_A_SIZE = 3, 1


class GraphedStep:
    """Takes the steps of a run, each the fastest way there is for it.

    Parameters
    ----------
    stepper, feed, model
        What takes them, and with what.
    device
        Where.
    batch_size
        Of all batches but an epoch's last.
    recorder
        What records them; ``None`` never to record.

    Attributes
    ----------
    notices
        What the user should know of, once; whoever tells it takes it out.
    """

    def __init__(
        self,
        stepper: OptimizerStep,
        feed: BatchLoader,
        model: LatentModel,
        device: torch.device,
        batch_size: int,
        recorder: Recorder | None,
    ) -> None:
        self._stepper, self._feed, self._model, self._device = stepper, feed, model, device
        # Images that are not on the device come through the processor, batch by batch.
        self._recorder = recorder if feed.resident else None
        self._ahead = run_ahead_on(device)
        self._sizes = {size: _Size(size, device) for size in (batch_size, len(feed) % batch_size) if size}
        self.notices: list[str] = []

    def take(
        self, images: Tensor, places: Tensor, state: StepState, learning_rate: float, share: Share | None = None
    ) -> Terms:
        """Take one step on these images; wait while more are queued on the device than it needs.

        Parameters
        ----------
        images, places
            Indices of the images in the dataset, and in the training set.
        state, learning_rate, share
            As ``OptimizerStep.step`` takes them.

        Returns
        -------
        dict
            The step's terms, to be read before the next step.
        """
        self._model.on_step_start(state)
        terms = self._taken(images, places, state, learning_rate, share)
        if self._ahead is not None:
            self._ahead.queued()
        return terms

    def forget(self) -> None:
        """Drop the recordings: what a step computes has changed otherwise than by the tensors that it reads."""
        for size in self._sizes.values():
            size.recording, size.steps = None, 0

    def _taken(
        self, images: Tensor, places: Tensor, state: StepState, learning_rate: float, share: Share | None
    ) -> Terms:
        def computed() -> Terms:
            return self._stepper.step(self._feed.batch(images, places), state, learning_rate, share)

        recorder, size = self._recorder, self._sizes.get(len(images))
        if recorder is None or size is None:
            return computed()
        if len(images) > self._stepper.micro_batch:
            size.recording = None  # it holds memory, of which there is too little
            return computed()
        if not self._model.is_capturable:
            return computed()
        if size.recording is None and not self._is_warm(size):
            return recorder.warm_up(computed)
        size.take_over(images, places)
        self._stepper.optimisers.set_rate(learning_rate)
        if size.recording is None:
            size.recording = self._recorded(recorder, size, state)
        return computed() if size.recording is None else size.recording.replay()

    def _is_warm(self, size: _Size) -> bool:
        """Whether a step of that size can be recorded; counts one that is taken instead."""
        others = any(each.recording is not None for each in self._sizes.values())
        size.steps += 1
        return size.steps > (_FIRST_OF_A_SIZE if others else _FIRST_STEPS)

    def _recorded(self, recorder: Recorder, size: _Size, state: StepState) -> Recording | None:
        """Record a step on the images chosen, and see whether it does what it should; never again if it does not."""

        def step() -> Terms:
            return self._stepper.whole_step(self._feed.batch(size.images, size.places), state)

        recording: Recording | None = None
        try:
            recording = recorder.record(step)
            trouble = difference(self._stepper, self._device, step, recording.replay)
        except RuntimeError as error:
            trouble = str(error).strip().partition("\n")[0]
            # What was left of a step is no longer where it says; if the device is lost, the next step will say so.
            self._stepper.discard_partial_step()
        if not trouble:
            return recording
        self._recorder = None
        self.forget()
        self.notices.append(
            f"the steps cannot be replayed as a CUDA graph ({trouble}); going on without, which is slower"
        )
        return None


class _Size:
    """The steps on batches of one size.

    Attributes
    ----------
    images, places
        Where a recorded step finds the indices of its images.
    recording
        Of such a step, if there is one.
    steps
        Taken of it before it was recorded.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.images = torch.zeros(size, dtype=torch.int64, device=device)
        self.places = torch.zeros_like(self.images)
        self.recording: Recording | None = None
        self.steps = 0

    def take_over(self, images: Tensor, places: Tensor) -> None:
        """Let the next replay be of these."""
        torch._foreach_copy_([self.images, self.places], [images, places])
