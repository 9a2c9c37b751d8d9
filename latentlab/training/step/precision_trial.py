"""The trial of bfloat16: whether a run may go on computing in it, seen before the first step and after each epoch."""

from __future__ import annotations

from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import RunProgress
from latentlab.training.distributed import ProcessGroup
from latentlab.training.seeding import RandomStream
from latentlab.training.step.precision import Precision

GIVEN_UP = "bfloat16 would move the ELBO by more than its noise over a batch; the networks compute in float32"
"""What is told of it."""


class PrecisionTrial:
    """Tries a precision on the run's first images, and gives it up where it does not hold.

    Parameters
    ----------
    precision
        What is tried.
    position
        Where it is written down what the networks compute in.
    feed, stream
        Images and random numbers; the stream stays where it is.
    group
        The processes that train together: what fails in one is given up in all.
    """

    def __init__(
        self,
        precision: Precision,
        position: RunProgress,
        feed: BatchLoader,
        stream: RandomStream,
        group: ProcessGroup | None,
    ) -> None:
        self._precision, self._position = precision, position
        self._feed, self._stream, self._group = feed, stream, group

    def holds(self, images: int) -> bool:
        """Try it on so many images, if there is something to try; else it holds."""
        holds = not self._precision.may_change or self._try(images)
        if not holds:
            self._precision.give_up()
        self._position.precision = self._precision.name
        return holds

    def _try(self, count: int) -> bool:
        images, places = next(self._feed.order(0, count))
        with self._stream.aside():
            failed = not self._precision.holds(self._feed.batch(images, places))
        return not (failed if self._group is None else self._group.any(failed))
