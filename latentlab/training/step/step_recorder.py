"""Records a step as a CUDA graph (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs)."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

import torch

from latentlab.config import TrainingConfig
from latentlab.training.step.optimizer_step import Terms

Step = Callable[[], Terms]


class Recording(Protocol):
    """A recorded step."""

    def replay(self) -> Terms:
        """Take the step again; returns its terms, in tensors that the next replay overwrites."""
        ...


class StepRecorder(Protocol):
    """Records steps."""

    def warm_up(self, step: Step) -> Terms:
        """Take a step the way it will be recorded."""
        ...

    def record(self, step: Step) -> Recording:
        """Record a step without taking it.

        Raises
        ------
        RuntimeError
            When the step does what cannot be recorded. Eager steps still work.
        """
        ...


class CudaGraphRecorder:
    """Records steps as CUDA graphs.

    Parameters
    ----------
    device
        A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm_up(self, step: Step) -> Terms:
        """Take a step on the stream that will be recorded: what belongs to a stream is created there."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            terms = step()
        current.wait_stream(self._stream)
        return terms

    def record(self, step: Step) -> Recording:
        """Record a step without taking it."""
        # The garbage collector must not destroy an older graph during the capture.
        gc.collect()
        collects = gc.isenabled()
        gc.disable()
        try:
            with torch.cuda.device(self._device):
                return self._capture(step)
        finally:
            if collects:
                gc.enable()

    def _capture(self, step: Step) -> Recording:
        graph = torch.cuda.CUDAGraph()
        current, rng_state = torch.cuda.current_stream(self._device), torch.cuda.get_rng_state(self._device)
        try:
            # thread_local: other threads, the backward pass's among them, may use the device during the capture.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                terms = step()
        except BaseException:
            # After a failed capture, torch (2.11 at least) leaves its stream current and its generator waiting to be
            # captured; the next random number would raise "Offset increment outside graph capture encountered
            # unexpectedly".
            torch.cuda.set_stream(current)
            _renew_generator(self._device, rng_state)
            raise
        return _CudaGraphRecording(graph, terms)


class _CudaGraphRecording:
    def __init__(self, graph: torch.cuda.CUDAGraph, terms: Terms) -> None:
        self._graph = graph
        self._terms = terms

    def replay(self) -> Terms:
        self._graph.replay()
        return self._terms


def _renew_generator(device: torch.device, rng_state: torch.Tensor) -> None:
    """Give the device's default generator a new state that no capture knows, at ``rng_state``."""
    index = torch.cuda.current_device() if device.index is None else device.index
    generator = torch.cuda.default_generators[index]
    generator.graphsafe_set_state(torch.Generator(device).graphsafe_get_state())
    generator.set_state(rng_state)


def recorder_for(device: torch.device, config: TrainingConfig) -> StepRecorder | None:
    """The recorder for a run in one process; ``None`` if its steps are not to be recorded."""
    # Only the fused Adam can skip a step without asking the device.
    is_recordable = device.type == "cuda" and config.graphs == "auto" and config.optimizer == "adam"
    return CudaGraphRecorder(device) if is_recordable else None
