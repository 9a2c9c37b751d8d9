"""Random numbers that depend on a seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


def standard_normal(count: int, size: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """Draw [count, size] on ``device``; ``generator`` is a CPU one even so, and its seed means the same everywhere."""
    where = device if generator is None else torch.device("cpu")
    return torch.randn(count, size, generator=generator, device=where).to(device)


@contextmanager
def fixed_noise(device: torch.device, seed: int) -> Iterator[None]:
    """Draw from ``seed`` inside; outside, random numbers go on as if nothing had been drawn."""
    kinds = {"cuda": torch.cuda, "mps": torch.mps}
    accelerator: Any = kinds.get(device.type)
    where = (device,) if device.type == "cuda" else ()
    state = torch.get_rng_state()
    accelerator_state = accelerator.get_rng_state(*where) if accelerator else None
    # Not torch.manual_seed: it seeds the devices of others too, and takes 230 µs where there is no GPU to seed.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif accelerator:
        accelerator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(state)
        if accelerator:
            accelerator.set_rng_state(accelerator_state, *where)
