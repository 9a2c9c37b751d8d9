"""The cost of the rate in the objective: weighted by β, held at a rising capacity, or with free bits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import RateConfig


class RateSchedule(nn.Module):
    """The rate's weight and capacity at each step of a run, as scalar buffers.

    A step that was captured as a CUDA graph reads the buffers in place, so that a schedule, or a β changed by hand,
    needs no other capture. They are not saved with the weights.

    Attributes
    ----------
    weight
        β times the warm-up, which rises linearly from 0 to 1 over ``config.warmup`` epochs.
    capacity
        Rate in nats that ``config.kind == "capacity"`` holds; 0 otherwise.
    beta
        β without the warm-up.
    """

    weight: Tensor
    capacity: Tensor
    beta: Tensor

    def __init__(self, config: RateConfig, beta: float) -> None:
        super().__init__()
        self.config = config
        for name in ("weight", "capacity", "beta"):
            self.register_buffer(name, torch.zeros(()), persistent=False)
        self._beta = beta
        self._warmup, self._capacity = schedule_at(config, 0.0)
        self._write()

    def set_beta(self, beta: float) -> None:
        """Change β; the warm-up goes on from where it is."""
        if beta != self._beta:
            self._beta = beta
            self._write()

    def update(self, epochs_done: float) -> None:
        """Set weight and capacity to their values after ``epochs_done`` epochs (fractions count)."""
        values = schedule_at(self.config, epochs_done)
        if values != (self._warmup, self._capacity):
            self._warmup, self._capacity = values
            self._write()

    def cost(self, rates: Tensor) -> Tensor:
        """Cost of the rate in nats.

        Parameters
        ----------
        rates
            Mean rate in nats per group (latent dimension, layer, or all in one): shape [G] or []. For
            ``kind="beta"`` any shape: every element is weighted by itself.
        """
        if self.config.kind == "capacity":
            return self.config.gamma * (rates.sum() - self.capacity).abs()
        if self.config.kind == "free-bits":
            rates = torch.clamp_min(rates, self.config.free_bits)
        return self.weight * rates

    @torch.no_grad()
    def _write(self) -> None:
        self.weight.fill_(self._beta * self._warmup)
        self.capacity.fill_(self._capacity)
        self.beta.fill_(self._beta)


def schedule_at(config: RateConfig, epochs_done: float) -> tuple[float, float]:
    """The warm-up factor of β in [0, 1], and the capacity in nats, after ``epochs_done`` epochs."""
    warmup = min(1.0, epochs_done / config.warmup) if config.warmup else 1.0
    capacity = config.capacity * min(1.0, epochs_done / config.epochs) if config.kind == "capacity" else 0.0
    return warmup, capacity
