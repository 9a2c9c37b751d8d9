"""A step recorded once on a GPU and replayed, so that the GPU need not wait for the program that feeds it.

A step of a small model is a hundred kernels of a few microseconds each; to launch one from Python takes longer than to
run it. A CUDA graph launches all of them at once (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).
It is chosen over ``torch.compile`` because there is nothing to compile, and so nothing to hide: recording takes about
as long as a step; and because losses, gradients, guard and optimizer are replayed as they are, to be compared with the
step they were recorded from.

A recording repeats everything but what it reads from tensors: which images, the learning rate, the state of the random
numbers. The plain numbers that went into it (β, a temperature; ``numbers_of_a_step``) are fixed, and another one is
made when they have changed and then stay. What does not fit (an epoch's last, smaller batch; a model that has to ask
the device) is computed the usual way.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from latentlab.config import TrainingConfig
from latentlab.models.base import LatentModel, StepState
from latentlab.models.noise import fixed_noise
from latentlab.training.feed import Feed
from latentlab.training.group import Share
from latentlab.training.stepper import Stepper, Terms

# Steps with the same plain numbers before one is recorded: they bring up all that is made at the first use.
_STEPS_BEFORE = 3
# How far a replayed step may be from a computed one, where only the order of additions differs: of each term, and of
# all changes together.
_TERM_TOLERANCE = 1e-3
_CHANGE_TOLERANCE = 0.05

Step = Callable[[], Terms]


class Recording(Protocol):
    """A step that was recorded."""

    def replay(self) -> Terms:
        """Do it again; its terms, in tensors that the next replay overwrites."""
        ...


class Recorder(Protocol):
    """What can record a step."""

    def warm_up(self, step: Step) -> Terms:
        """Take a step where one will be recorded."""
        ...

    def record(self, step: Step) -> Recording:
        """Record a step without taking it.

        Raises
        ------
        RuntimeError
            When it does what cannot be recorded.
        """
        ...


class CudaGraphs:
    """Records CUDA graphs.

    Parameters
    ----------
    device
        A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm_up(self, step: Step) -> Terms:
        """Take a step on the stream that is recorded from: what belongs to a stream is made there."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            terms = step()
        current.wait_stream(self._stream)
        return terms

    def record(self, step: Step) -> Recording:
        """Record a step without taking it."""
        graph = torch.cuda.CUDAGraph()
        # An older graph that is found to be garbage must not be taken down in the midst of this one.
        gc.collect()
        collects = gc.isenabled()
        gc.disable()
        try:
            return self._recorded(graph, step)
        finally:
            if collects:
                gc.enable()

    def _recorded(self, graph: torch.cuda.CUDAGraph, step: Step) -> Recording:
        # Other threads of the process may go on using the device, the one of the backward pass among them.
        alone = torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local")
        with torch.cuda.device(self._device), alone:
            terms = step()
        return _CudaRecording(graph, terms)


class _CudaRecording:
    def __init__(self, graph: torch.cuda.CUDAGraph, terms: Terms) -> None:
        self._graph = graph
        self._terms = terms

    def replay(self) -> Terms:
        self._graph.replay()
        return self._terms


def recorder_for(device: torch.device, config: TrainingConfig) -> Recorder | None:
    """What records the steps of a run in one process, if anything."""
    return CudaGraphs(device) if device.type == "cuda" and config.graphs == "auto" else None


class Steps:
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
        stepper: Stepper,
        feed: Feed,
        model: LatentModel,
        device: torch.device,
        batch_size: int,
        recorder: Recorder | None,
    ) -> None:
        self._stepper, self._feed, self._model, self._device = stepper, feed, model, device
        # Images that are not on the device come through the processor, batch by batch.
        self._recorder = recorder if feed.resident else None
        self._images = torch.zeros(batch_size, dtype=torch.int64, device=device)
        self._places = torch.zeros_like(self._images)
        self._recording: Recording | None = None
        self._numbers: tuple[float, ...] | None = None
        self._steps_alike = 0
        self.notices: list[str] = []

    def take(
        self, images: Tensor, places: Tensor, state: StepState, learning_rate: float, share: Share | None = None
    ) -> Terms:
        """Take one step on these images.

        Parameters
        ----------
        images, places
            Indices of the images in the dataset, and in the training set.
        state, learning_rate, share
            As ``Stepper.step`` takes them.

        Returns
        -------
        dict
            The step's terms, to be read before the next step.
        """

        def computed() -> Terms:
            return self._stepper.step(self._feed.batch(images, places), state, learning_rate, share)

        recorder, size = self._recorder, len(images)
        if recorder is None or size != len(self._images) or size > self._stepper.micro_batch:
            return computed()
        numbers = self._model.numbers_of_a_step(state)
        if numbers is None:
            return computed()
        if numbers != self._numbers:
            self._numbers, self._steps_alike, self._recording = numbers, 0, None
        if self._recording is None:
            self._steps_alike += 1
            if self._steps_alike <= _STEPS_BEFORE:
                return recorder.warm_up(computed)
        self._images.copy_(images)
        self._places.copy_(places)
        self._stepper.optimisers.set_rate(learning_rate)
        if self._recording is None and not self._record(recorder, state):
            return computed()
        assert self._recording is not None
        return self._recording.replay()

    def forget(self) -> None:
        """Say that what a step computes has changed otherwise than by its plain numbers."""
        self._numbers = self._recording = None

    def _record(self, recorder: Recorder, state: StepState) -> bool:
        """Record a step on the images chosen, and see whether it does what it should; never again if it does not."""

        def step() -> Terms:
            return self._stepper.whole_step(self._feed.batch(self._images, self._places), state)

        try:
            recording = recorder.record(step)
            trouble = self._trouble(step, recording.replay)
        except RuntimeError as error:
            trouble = str(error).strip().partition("\n")[0]
            # What was left of a step is no longer where it says; if the device is lost, the next step will say so.
            self._stepper.broken_off()
        if trouble:
            self._recorder = None
            self.notices.append(
                f"the steps cannot be replayed as a CUDA graph ({trouble}); going on without, which is slower"
            )
            return False
        self._recording = recording
        return True

    def _trouble(self, step: Step, replay: Step) -> str:
        """Why replayed steps are not the computed ones; empty when they are. Nothing is left changed."""
        weights, rest = self._stepper.weights(), self._stepper.optimisers.tensors()
        before = _copies(weights), _copies(rest)

        def two_steps(take: Step) -> list[_Outcome]:
            """From the same weights, with different noise."""
            outcomes = []
            with fixed_noise(self._device, 0):
                for _ in range(2):
                    _put(weights, before[0])
                    _put(rest, before[1])
                    terms = torch.stack([term.detach().to(torch.float64) for term in take().values()])
                    outcomes.append(_Outcome(terms, _copies(weights), _copies(rest)))
            return outcomes

        try:
            return _difference(two_steps(step), two_steps(replay), *before)
        finally:
            _put(weights, before[0])
            _put(rest, before[1])


class _Outcome(NamedTuple):
    """What a step told, and the weights and the optimizers' tensors after it."""

    terms: Tensor
    weights: list[Tensor]
    rest: list[Tensor]


def _difference(computed: list[_Outcome], replayed: list[_Outcome], weights: list[Tensor], rest: list[Tensor]) -> str:
    """What the two differ in, in a few words; ``weights`` and ``rest`` are as they were before."""
    for its, own in zip(computed, replayed, strict=True):
        if not torch.allclose(own.terms, its.terms, rtol=_TERM_TOLERANCE, atol=_TERM_TOLERANCE):
            return "a replayed step has other losses"
        for mine, theirs, start in ((own.weights, its.weights, weights), (own.rest, its.rest, rest)):
            if not _distance(mine, theirs) <= _CHANGE_TOLERANCE * _distance(theirs, start):
                return "a replayed step makes other changes"
    if torch.equal(replayed[0].terms, replayed[1].terms) and not torch.equal(computed[0].terms, computed[1].terms):
        return "replayed steps draw the same noise"
    return ""


def _distance(tensors: list[Tensor], others: list[Tensor]) -> float:
    """Euclidean distance of all numbers together."""
    squares = [
        (tensor.to(torch.float64) - other.to(torch.float64)).square().sum()
        for tensor, other in zip(tensors, others, strict=True)
    ]
    return float(torch.stack(squares).sum().sqrt())


def _copies(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def _put(tensors: list[Tensor], values: list[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
