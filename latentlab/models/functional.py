"""Numerically stable functions shared by the parts of the models."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LOG_2PI = math.log(2 * math.pi)


def log_mean_exp(values: Tensor, dim: int = 0) -> Tensor:
    """``log(mean(exp(values)))`` over one dimension, without overflow."""
    return torch.logsumexp(values, dim) - math.log(values.shape[dim])


def soft_clip(values: Tensor, low: float, high: float | None = None) -> Tensor:
    """Clip smoothly, so that values outside the limits keep a gradient.

    Between the limits it is the identity to within exp(−distance from the nearer limit).
    """
    clipped = low + functional.softplus(values - low)
    return clipped if high is None else high - functional.softplus(high - clipped)


def gaussian_log_density(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log N(x; mean, exp(log_std)²), elementwise."""
    return -0.5 * ((x - mean) * torch.exp(-log_std)) ** 2 - log_std - 0.5 * LOG_2PI


def standard_normal_log_density(x: Tensor) -> Tensor:
    """Log N(x; 0, 1), elementwise."""
    return -0.5 * (x * x + LOG_2PI)


def gaussian_kl(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL(N(mean, exp(log_std)²) ‖ N(0, 1)) in nats, elementwise."""
    return 0.5 * (torch.addcmul(torch.exp(2 * log_std), mean, mean) - 1) - log_std
