"""The steps of a run: each with the run's random numbers and this process's share, and with the guard's word on it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from latentlab.config.events import Warned
from latentlab.errors import RunError
from latentlab.models.base import StepState
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import DatasetSize, RunState
from latentlab.training.distributed import ProcessGroup
from latentlab.training.run_writer import Output
from latentlab.training.seeding import NOISE, derived_seed
from latentlab.training.step.cuda_graph import GraphedStep
from latentlab.training.step.optimizer_step import OptimizerStep
from latentlab.training.step.optimizers import NonFiniteStepError


class Learner:
    """Takes a run's next step, and adds its terms to the epoch's means.

    Parameters
    ----------
    state, extent
        The run, and how large it is.
    stepper, steps
        What takes a step, and what may record and replay it.
    feed
        Where the images come from.
    output
        Says where the last good weights are.
    group
        The processes that share each batch.
    """

    def __init__(
        self,
        state: RunState,
        extent: DatasetSize,
        stepper: OptimizerStep,
        steps: GraphedStep,
        feed: BatchLoader,
        output: Output,
        group: ProcessGroup | None,
    ) -> None:
        self._state, self._extent, self._feed, self._output, self._group = state, extent, feed, output, group
        self._stepper, self._steps = stepper, steps
        self._split: list[str] = []  # what is to be told of a batch that had to be split

    def take(self, images: Tensor, places: Tensor) -> None:
        """Take one optimizer step.

        Parameters
        ----------
        images, places
            Of a batch, as indices in the dataset and in the training set.

        Raises
        ------
        RunError
            When the objective is not finite, or the device has no memory even for one image.
        """
        at, size, micro_batch, share = self._state.position, len(images), self._stepper.micro_batch, None
        if self._group is not None:
            if not self._group.writes:
                # A checkpoint holds the first process's stream; the others' follow from the step.
                place = self._group.rank + at.step * self._group.size
                self._state.stream.restart(derived_seed(self._state.config.training.seed, NOISE, place))
            images, places, share = self._group.share(images, places)
        per_epoch = self._extent.steps_per_epoch
        where = StepState(at.step, at.epochs_done, per_epoch, len(self._feed))
        rate = self._state.optimisers.scheduled(at.step / (per_epoch * self._state.plan.epochs))
        try:
            with self._state.stream:
                terms = self._steps.take(images, places, where, rate, share)
        except NonFiniteStepError as bad:
            raise self._not_finite(bad) from None
        self._state.meter.add(terms, size if share is None else share.images)
        at.step += 1
        if self._stepper.micro_batch < micro_batch:
            self._split.append(
                f"{self._feed.device} has too little memory for {min(size, micro_batch)} images at a time; "
                f"going on with {self._stepper.micro_batch}, their gradients added up"
            )

    def warnings(self) -> Iterator[Warned]:
        """What is to be told of the steps so far, and was not yet."""
        for notices in (self._split, self._steps.notices):
            while notices:
                yield Warned(notices.pop())

    def check(self) -> None:
        """See whether the device had to skip a step; waits for it.

        Raises
        ------
        RunError
            When it had to.
        """
        try:
            self._state.optimisers.check()
        except NonFiniteStepError as bad:
            raise self._not_finite(bad) from None

    def _not_finite(self, bad: NonFiniteStepError) -> RunError:
        folder = self._output.folder
        where = "" if folder is None or not folder.checkpoint.exists() else f" (on disk, those of {folder.checkpoint})"
        return RunError(
            f"the objective is no longer finite at step {bad.step} (recipe {self._state.config.model.recipe}, learning "
            f"rate {self._state.optimisers.learning_rate:g}); training stopped before that step and the last good "
            f"weights are kept{where}; try a lower learning rate"
        )
