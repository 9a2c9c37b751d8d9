"""What records a step on a device: a CUDA graph (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs)."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

import torch

from latentlab.config import TrainingConfig
from latentlab.training.step.optimizer_step import Terms

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
            When it does what cannot be recorded. Other steps can be taken all the same.
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
        # An older graph that is found to be garbage must not be taken down in the midst of this one.
        gc.collect()
        collects = gc.isenabled()
        gc.disable()
        try:
            with torch.cuda.device(self._device):
                return self._recorded(step)
        finally:
            if collects:
                gc.enable()

    def _recorded(self, step: Step) -> Recording:
        graph = torch.cuda.CUDAGraph()
        current, noise = torch.cuda.current_stream(self._device), torch.cuda.get_rng_state(self._device)
        try:
            # Other threads of the process may go on using the device, the one of the backward pass among them.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                terms = step()
        except BaseException:
            # A recording that cannot be ended leaves its stream the current one, and its random numbers expecting to
            # be recorded, in torch 2.11 at least: the next step would draw none ("Offset increment outside graph
            # capture encountered unexpectedly").
            torch.cuda.set_stream(current)
            _renew_noise(self._device, noise)
            raise
        return _CudaRecording(graph, terms)


class _CudaRecording:
    def __init__(self, graph: torch.cuda.CUDAGraph, terms: Terms) -> None:
        self._graph = graph
        self._terms = terms

    def replay(self) -> Terms:
        self._graph.replay()
        return self._terms


def _renew_noise(device: torch.device, state: torch.Tensor) -> None:
    """Let the device's random numbers go on from ``state`` as if nothing had ever been recorded of them."""
    own = torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
    own.graphsafe_set_state(torch.Generator(device).graphsafe_get_state())
    own.set_state(state)


def recorder_for(device: torch.device, config: TrainingConfig) -> Recorder | None:
    """What records the steps of a run in one process, if anything."""
    return CudaGraphs(device) if device.type == "cuda" and config.graphs == "auto" else None
