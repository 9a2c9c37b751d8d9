"""Continuous Bernoulli pixels: a density of grey values."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from latentlab.models.likelihoods.base import Likelihood, sum_over_pixels
from latentlab.models.likelihoods.bernoulli import bernoulli_log_prob

# Below this absolute logit the terms' series take the place of quotients of small numbers; their error is below 1e-8.
SMALL_LOGIT = 0.3


class ContinuousBernoulli(Likelihood):
    """Pixels in [0, 1] with the density C(λ) λ^x (1 − λ)^(1 − x), with the output as logits l of λ.

    The cross-entropy of grey pixels lacks the normaliser C and is no density. In logits log C = log(l / tanh(l/2)),
    which is log 2 at l = 0.

    Examples
    --------
    >>> from latentlab.config import LikelihoodConfig
    >>> likelihood = ContinuousBernoulli(LikelihoodConfig(kind="continuous-bernoulli"))
    >>> output, x = torch.zeros(3, 2, 1, 4, 4), torch.rand(2, 1, 4, 4)
    >>> likelihood.log_prob(output, x).abs().max() < 1e-5  # the uniform density
    tensor(True)

    References
    ----------
    Loaiza-Ganem & Cunningham 2019, The continuous Bernoulli: fixing a pervasive error in variational autoencoders
    (arXiv:1907.06845).
    """

    is_density = True

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B]; x gets no gradient."""
        return sum_over_pixels(bernoulli_log_prob(output, x) + log_normaliser(output), mask)

    def mean(self, output: Tensor) -> Tensor:
        """½ + ½ coth(l/2) − 1/l, which is not λ."""
        small = output.abs() < SMALL_LOGIT
        safe = torch.where(small, 1.0, output)
        series = output / 12 - output**3 / 720 + output**5 / 30240
        return 0.5 + torch.where(small, series, 0.5 / torch.tanh(safe / 2) - 1 / safe)

    def std(self, output: Tensor) -> Tensor:
        """Root of the variance 1/l² − 1/(4 sinh²(l/2)), which is the mean's derivative in the logit l."""
        small = output.abs() < SMALL_LOGIT
        safe = torch.where(small, 1.0, output)
        sinh = torch.sinh(safe.clamp(-80, 80) / 2)  # beyond this its term is 0 beside the first
        series = 1 / 12 - output**2 / 240 + output**4 / 6048
        return torch.sqrt(torch.where(small, series, 1 / safe**2 - 0.25 / sinh**2).clamp_min(0))

    def sample(self, output: Tensor) -> Tensor:
        """Draw by the inverse of the distribution function, log(1 + u (eˡ − 1)) / l for uniform u."""
        u = torch.rand_like(output)
        size = output.abs()
        safe = size.clamp_min(1e-3)
        # For −|l|, where nothing overflows, and mirrored where l is positive.
        drawn = -torch.log1p(u * torch.expm1(-safe)) / safe
        drawn = torch.where(size < 1e-3, u, drawn)
        return torch.where(output > 0, 1 - drawn, drawn).clamp(0, 1)


def log_normaliser(logits: Tensor) -> Tensor:
    """Log C = log(l / tanh(l/2)) for logits l, elementwise."""
    size = logits.abs()
    small = size < SMALL_LOGIT
    safe = torch.where(small, 1.0, size)
    square = logits**2
    series = math.log(2) + square / 12 - 7 * square**2 / 1440 + 31 * square**3 / 90720
    return torch.where(small, series, torch.log(safe) - torch.log(torch.tanh(safe / 2)))
