"""Finds the number of CPU threads with which the steps of a run are fastest, by taking some with each number."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator

from latentlab.errors import RunError
from latentlab.models.base import StepState
from latentlab.training.batches import BatchLoader
from latentlab.training.checkpoint import TrainerState
from latentlab.training.step.cpu_threads import estimated_threads, most_threads, torch_threads
from latentlab.training.step.optimizer_step import OptimizerStep
from latentlab.training.step.optimizers import NonFiniteStepError, is_out_of_memory

_ROUNDS = 5
_SECONDS = 1.0  # after which no other round begins
_VISIT_SECONDS = 0.03  # of each number in a round; at least one step
_HOPELESS = 1.5  # times as long as the fastest: not tried again, and nor are larger numbers
_GAIN = 1.03  # that a larger number must bring
_GAIN_OF_ALL_CORES_BESIDE_A_WINDOW = 1.2


class ThreadsTrial:
    """Takes steps of a copy of the model, each number of threads in turn, and compares how long they take.

    The run's model, optimizers and random numbers stay as they are. Several rounds, since other work on the machine
    comes and goes; the medians are compared, and of numbers that are about as fast the smallest is taken.

    Parameters
    ----------
    state, batches
        The run, and its training images: the first batch is used.
    beside_a_window
        Keep a core for the window that this process serves. On two cores, where that would be half of them, both are
        used if that gains much.

    Attributes
    ----------
    seconds
        The times of a step, by number of threads.
    """

    def __init__(self, state: TrainerState, batches: BatchLoader, beside_a_window: bool = False) -> None:
        self.seconds: dict[int, list[float]] = {}
        self._state, self._batches = state, batches
        cores = most_threads()
        self._most = cores - 1 if beside_a_window and cores > 2 else cores
        self._gain_of_all = _GAIN_OF_ALL_CORES_BESIDE_A_WINDOW if beside_a_window and cores == 2 else _GAIN
        with self._state.stream.forked():
            self._model = copy.deepcopy(state.model)
            if not state.progress.step:
                first = batches.load_first(self._model.images_to_prepare)
                self._model.prepare(first, batches.num_images)
        self._optimizer_step = OptimizerStep(self._model, state.config.training, batches.batch_size)
        self._indices, self._positions = next(batches.epoch(0))

    def steps(self) -> Iterator[None]:
        """Take the steps, one for each ``next()``; a failing one, which the run will report, ends the trial."""
        try:
            yield from self._rounds()
        except (NonFiniteStepError, RunError):
            self.seconds.clear()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self.seconds.clear()

    @property
    def fastest(self) -> int:
        """The number of threads to take; an estimate if nothing was measured."""
        if not self.seconds:
            return estimated_threads(self._state.config.training, self._model)
        found = 1
        for number in sorted(self.seconds):
            gain = self._gain_of_all if number == self._most else _GAIN
            if self._median(number) * gain < self._median(found):
                found = number
        return found

    def _rounds(self) -> Iterator[None]:
        began = time.perf_counter()
        for number in numbers_to_try(self._most):
            yield from self._visit(number)
            if self._is_hopeless(number):
                break
        for _ in range(_ROUNDS - 1):
            for number in sorted(self.seconds):
                if time.perf_counter() - began > _SECONDS:
                    return
                if not self._is_hopeless(number):
                    yield from self._visit(number)

    def _visit(self, number: int) -> Iterator[None]:
        """Take a step that is not measured, as threads are started in it, and then some that are."""
        self._step(number)
        yield
        times: list[float] = []
        while not times or sum(times) < _VISIT_SECONDS:
            times.append(self._step(number))
            yield
        self.seconds.setdefault(number, []).append(statistics.fmean(times))

    def _step(self, number: int) -> float:
        """The seconds of a step with this number of threads."""
        batches, settings = self._batches, self._state.config.training
        now = StepState(0, 0, batches.steps_per_epoch, batches.num_images, settings.epochs)
        with torch_threads(number), self._state.stream.forked():
            began = time.perf_counter()
            self._model.on_step_start(now)
            self._optimizer_step.run(batches.load_varied(self._indices, self._positions), now, settings.learning_rate)
            return time.perf_counter() - began

    def _median(self, number: int) -> float:
        return statistics.median(self.seconds[number])

    def _is_hopeless(self, number: int) -> bool:
        return self._median(number) > _HOPELESS * min(map(self._median, self.seconds))


def numbers_to_try(most: int) -> list[int]:
    """1, 2, 4 and so on, and the largest number itself.

    Examples
    --------
    >>> numbers_to_try(6)
    [1, 2, 4, 6]
    """
    numbers: list[int] = []
    while not numbers or 2 * numbers[-1] < most:
        numbers.append(2 * numbers[-1] if numbers else 1)
    return numbers if numbers[-1] == most else [*numbers, most]
