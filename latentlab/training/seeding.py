"""Random numbers that depend on the seed and the position alone, whoever else draws meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

# What a seed is derived for; the numbers are part of the results and stay.
WEIGHTS, NOISE, ORDER, BINARISE, VALIDATION, POINTS = range(6)


def derived_seed(seed: int, purpose: int, index: int = 0) -> int:
    """A seed for one purpose: as good as independent of those for others."""
    return int(np.random.SeedSequence([seed, purpose, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))


class RandomStream:
    """A training's own state of torch's generators, put in place while a ``with`` block lasts.

    Between the steps the window decodes, samples and encodes in the same process; none of it moves this stream,
    so that the same seed gives the same model from the window and from the command line.

    Parameters
    ----------
    device
        Whose generator is kept, beside the CPU's.
    seed
        Where the stream begins.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self._device = device
        self._own = {"cpu": torch.Generator().manual_seed(seed).get_state()}
        if device.type != "cpu":
            self._own[device.type] = torch.Generator(device).manual_seed(seed).get_state()
        self._others: dict[str, Tensor] = {}

    def __enter__(self) -> RandomStream:
        self._others = self._current()
        self._put(self._own)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._own = self._current()
        self._put(self._others)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Draw from here what shall not move the stream."""
        own = self.state()
        with self:
            yield
        self._own = own

    def restart(self, seed: int) -> None:
        """Begin anew where ``seed`` says."""
        self._own = {
            kind: torch.Generator(self._device if kind != "cpu" else "cpu").manual_seed(seed).get_state()
            for kind in self._own
        }

    def state(self) -> dict[str, Tensor]:
        """Where the stream is: a uint8 tensor for each kind of generator."""
        return dict(self._own)

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from an earlier ``state``; a generator that it does not hold stays where it is."""
        self._own |= {kind: tensor for kind, tensor in state.items() if kind in self._own}

    def _current(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self._device)
        elif self._device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        return states

    def _put(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self._device)
        elif "mps" in states:
            torch.mps.set_rng_state(states["mps"])
