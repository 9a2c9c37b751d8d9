"""The cost of the rate in the objective: weighted by β, held at a rising capacity, or with free bits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import RateConfig
from latentlab.models.batch_reduction import mean_over_batch


class RateSchedule(nn.Module):
    """The rate's weight and capacity at each step of a run, as scalar buffers.

    They are not saved with the weights. A captured CUDA graph reads them in place, so that neither a schedule nor a
    change of β requires another capture.

    Attributes
    ----------
    weight
        β times the warm-up, which rises linearly from 0 to 1 over ``config.warmup`` epochs, and again in every
        ``config.cycle``.
    capacity
        Target of the rate in nats for ``config.kind == "capacity"``; 0 otherwise.
    beta
        β without the warm-up.

    Examples
    --------
    >>> schedule = RateSchedule(RateConfig(warmup=2.0), beta=4.0)
    >>> schedule.update(epochs_done=1.0)
    >>> schedule.cost(torch.tensor(10.0))
    tensor(20.)

    References
    ----------
    Higgins et al. 2017, beta-VAE. Burgess et al. 2018, Understanding disentangling in β-VAE (arXiv:1804.03599).
    Kingma et al. 2016, Inverse Autoregressive Flow (arXiv:1606.04934), for free bits.
    Fu et al. 2019, Cyclical Annealing Schedule (arXiv:1903.10145).
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
        """Change β; the warm-up factor stays."""
        if beta != self._beta:
            self._beta = beta
            self._write()

    def update(self, epochs_done: float) -> None:
        """Set weight and capacity to their values after ``epochs_done`` epochs (fractions count)."""
        values = schedule_at(self.config, epochs_done)
        if values != (self._warmup, self._capacity):
            self._warmup, self._capacity = values
            self._write()

    @property
    def needs_whole_batch(self) -> bool:
        """Whether the cost is not linear in the rate, so that it is that of the whole batch's mean only."""
        return self.config.kind != "beta"

    def cost(self, rates: Tensor, dimensions: int = 1) -> Tensor:
        """Cost of the rate in nats.

        Parameters
        ----------
        rates
            Mean rate in nats per group (latent dimension, layer, or all in one): shape [G] or []. For
            ``kind="beta"`` any shape: every element is weighted by itself.
        dimensions
            Latent dimensions in each group; each counts with its free bits.
        """
        return self._cost_of(mean_over_batch(rates) if self.needs_whole_batch else rates, dimensions)

    def slope(self, rate: Tensor, dimensions: int = 1) -> Tensor:
        """The derivative of the cost with respect to the mean rate, a scalar."""
        mean = (mean_over_batch(rate) if self.needs_whole_batch else rate).detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(self._cost_of(mean, dimensions), mean)
        return slope

    def _cost_of(self, rates: Tensor, dimensions: int) -> Tensor:
        if self.config.kind == "capacity":
            return self.config.gamma * (rates.sum() - self.capacity).abs()
        if self.config.kind == "free-bits":
            rates = torch.clamp_min(rates, self.config.free_bits * dimensions)
        return self.weight * rates

    @torch.no_grad()
    def _write(self) -> None:
        self.weight.fill_(self._beta * self._warmup)
        self.capacity.fill_(self._capacity)
        self.beta.fill_(self._beta)


def schedule_at(config: RateConfig, epochs_done: float) -> tuple[float, float]:
    """The warm-up factor of β in [0, 1], and the capacity in nats, after ``epochs_done`` epochs."""
    within_cycle = epochs_done % config.cycle if config.cycle else epochs_done
    warmup = min(1.0, within_cycle / config.warmup) if config.warmup else 1.0
    capacity = config.capacity * min(1.0, epochs_done / config.epochs) if config.kind == "capacity" else 0.0
    return warmup, capacity
