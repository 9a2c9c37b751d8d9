"""Random numbers of a run that depend only on its seed and step, whatever else draws from torch's generators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

# Purposes of derived seeds. The numbers determine the results: do not change them.
WEIGHTS, NOISE, ORDER, BINARISE, VALIDATION, POINTS, MOMENTS = range(7)


def derived_seed(seed: int, purpose: int, index: int = 0) -> int:
    """A seed for one purpose, statistically independent of those for other purposes."""
    return int(np.random.SeedSequence([seed, purpose, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))


class RandomStream:
    """A run's own state of torch's random number generators, in effect inside a ``with`` block.

    Between the steps the window decodes, samples and encodes in the same process. None of that advances this stream, so
    that the same seed gives the same model from the window and from the command line.

    Parameters
    ----------
    device
        The stream covers its generator and the CPU's.
    seed
        The start of the stream.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self._device = device
        self._own = {"cpu": torch.Generator().manual_seed(seed).get_state()}
        if device.type != "cpu":
            self._own[device.type] = torch.Generator(device).manual_seed(seed).get_state()
        self._others: dict[str, Tensor] = {}

    def __enter__(self) -> RandomStream:
        self._others = self._current()
        self._set(self._own)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._own = self._current()
        self._set(self._others)

    @contextmanager
    def forked(self) -> Iterator[None]:
        """Draw from the stream in a block without advancing it."""
        own = self.state_dict()
        with self:
            yield
        self._own = own

    def reseed(self, seed: int) -> None:
        """Restart from a seed."""
        self._own = {
            kind: torch.Generator(self._device if kind != "cpu" else "cpu").manual_seed(seed).get_state()
            for kind in self._own
        }

    def state_dict(self) -> dict[str, Tensor]:
        """The state of the stream: a uint8 tensor for each kind of generator."""
        return dict(self._own)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from an earlier ``state_dict``; a generator that is not in it keeps its state.

        Raises
        ------
        ValueError
            When a tensor is not the state of its generator.
        """
        for kind in self._own.keys() & state.keys():
            try:
                torch.Generator(self._device if kind != "cpu" else "cpu").set_state(state[kind])
            except RuntimeError:
                raise ValueError(f"tensor random.{kind} is not the state of a random number generator") from None
        self._own |= {kind: tensor for kind, tensor in state.items() if kind in self._own}

    def _current(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self._device)
        elif self._device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        return states

    def _set(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self._device)
        elif "mps" in states:
            torch.mps.set_rng_state(states["mps"])
