"""Which epochs of a run are kept in its history."""

from __future__ import annotations

from collections.abc import Iterator

from latentlab.training.checkpoint import DatasetSize, RunProgress, Schedule
from latentlab.training.metrics import RunClock
from latentlab.training.snapshots import Snapshots
from latentlab.training.validation import Means


class Remembering:
    """Keeps epochs as they end, where they do not take too long; the last at any price.

    Parameters
    ----------
    position, plan, extent
        How far the run is, how long it is to be, and how large.
    clock
        Counts the time it takes as the run's.
    """

    def __init__(self, position: RunProgress, plan: Schedule, extent: DatasetSize, clock: RunClock) -> None:
        self._snapshots: Snapshots | None = None
        self._position, self._plan, self._extent, self._clock = position, plan, extent, clock

    def begin(self, snapshots: Snapshots) -> None:
        """Keep epochs with these from now on; a run that is not told so has no history."""
        self._snapshots = snapshots

    @property
    def newest(self) -> int:
        """The newest epoch that is kept; 0 while there is none."""
        return 0 if self._snapshots is None else self._snapshots.newest

    def epoch(self, train: Means, validation: Means | None, last: bool) -> Iterator[None]:
        """Keep the epoch that has just ended, if it is its turn or the ``last``."""
        done = self._position.epochs_done
        if self._snapshots is None:
            return
        if self._snapshots.due(self._clock.seconds, done, self._plan.epochs) or last:
            splits = {"train": train, "validation": validation or {}}
            metrics = {f"{split}_{name}": value for split, means in splits.items() for name, value in means.items()}
            yield from self._keep(self._snapshots, done, metrics)

    def end(self) -> Iterator[None]:
        """Keep what the run came to, under the number of the epoch it was in: going on from there makes that again."""
        at = self._position
        within = at.step > at.epochs_done * self._extent.steps_per_epoch
        epoch = at.epochs_done + within
        if self._snapshots is not None and epoch > self._snapshots.newest:
            yield from self._keep(self._snapshots, epoch, {})

    def _keep(self, snapshots: Snapshots, epoch: int, metrics: Means) -> Iterator[None]:
        for _ in snapshots.take(epoch, metrics):
            self._clock.tick()
            yield None
            self._clock.resume()
