"""What the rate costs in the objective: β, a rising capacity, or free bits."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.config import RateConfig
from latentlab.models.base import StepState


def rate_cost(rates: Tensor, config: RateConfig, beta: float, state: StepState) -> Tensor:
    """What the rate costs, in nats.

    Parameters
    ----------
    rates
        Mean rate per group (latent dimension, layer, or all in one: shape [G] or []); or, for ``beta``, any shape:
        each is weighed by itself.
    config, beta
        How.
    state
        Where the training is.
    """
    weight, capacity = numbers_of_rate(config, beta, state) if state.numbers is None else state.numbers[:2]
    if config.kind == "capacity":
        return config.gamma * (rates.sum() - capacity).abs()
    if config.kind == "free-bits":
        rates = torch.clamp_min(rates, config.free_bits)
    # A tensor is not looked at: that would wait for its device.
    return rates if isinstance(weight, float) and weight == 1.0 else weight * rates


def numbers_of_rate(config: RateConfig, beta: float, state: StepState) -> tuple[float, float]:
    """What the rate is weighed with, warm-up included, and the capacity in nats."""
    warmth, capacity = schedule_at(config, state)
    return float(beta * warmth), capacity


def schedule_at(config: RateConfig, state: StepState) -> tuple[float, float]:
    """By how much β is warmed up, 0 to 1, and the capacity in nats."""
    warmth = min(1.0, state.epochs_done / config.warmup) if config.warmup else 1.0
    capacity = config.capacity * min(1.0, state.epochs_done / config.epochs) if config.kind == "capacity" else 0.0
    return warmth, capacity
