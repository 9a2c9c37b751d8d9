"""Probabilities of 8-bit grey levels: a logistic distribution, summed over each level."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import LikelihoodConfig
from latentlab.models.functional import soft_clip
from latentlab.models.likelihoods.base import Likelihood, sum_over_pixels

# Soft lower limit of the logarithm of the scale (Salimans et al. 2017): a 280th of a grey level's width.
MIN_LOG_SCALE = -7.0
LEVELS = 256


class DiscretisedLogistic(Likelihood):
    """P(x) of a level x in {0, 1/255, …, 1}: the mass of a logistic distribution within half a level of x.

    The darkest and the brightest level have all the mass below and above. As these are probabilities and not densities,
    bits per dimension follow without an assumption, and can be compared with those of other models of 8-bit images.

    Subclasses have one scale for all pixels, or one for each.

    References
    ----------
    Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow (arXiv:1606.04934), appendix.
    Salimans et al. 2017, PixelCNN++ (arXiv:1701.05517).
    """

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Log-probability in nats, [K, B]; values between two levels count as those around them would."""
        mean, log_scale = self.mean_and_log_scale(output)
        return sum_over_pixels(discretised_logistic_log_prob(x, mean, log_scale), mask)

    def mean_and_log_scale(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-scale of every pixel."""
        raise NotImplementedError

    def mean(self, output: Tensor) -> Tensor:
        """Means of the logistic distribution, clamped to [0, 1]."""
        return self.mean_and_log_scale(output)[0].clamp(0, 1)

    def std(self, output: Tensor) -> Tensor:
        """π/√3 times the scale: that of the logistic distribution before it is cut off at black and white."""
        mean, log_scale = self.mean_and_log_scale(output)
        return (torch.exp(log_scale) * (math.pi / math.sqrt(3))).expand_as(mean)

    def sample(self, output: Tensor) -> Tensor:
        """Draw levels."""
        mean, log_scale = self.mean_and_log_scale(output)
        drawn = mean + torch.exp(log_scale) * torch.logit(torch.rand_like(mean), eps=1e-6)
        return torch.round(drawn.clamp(0, 1) * (LEVELS - 1)) / (LEVELS - 1)


class LearnedScaleLogistic(DiscretisedLogistic):
    """One learned scale, which begins at ``config.sigma_value``.

    Examples
    --------
    >>> likelihood = LearnedScaleLogistic(LikelihoodConfig(kind="discretised-logistic", sigma="learned"))
    >>> likelihood.log_prob(torch.zeros(3, 2, 1, 4, 4), torch.zeros(2, 1, 4, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.log_scale = nn.Parameter(torch.tensor(math.log(config.sigma_value)))

    def mean_and_log_scale(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The output, and the learned number."""
        return output, soft_clip(self.log_scale, MIN_LOG_SCALE)


class PixelScaleLogistic(DiscretisedLogistic):
    """Mean and log-scale of every pixel are the first and second half of the output's channels."""

    parameters_per_pixel = 2

    def mean_and_log_scale(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """The two halves."""
        mean, log_scale = output.chunk(2, dim=-3)
        return mean, soft_clip(log_scale, MIN_LOG_SCALE)


def discretised_logistic_log_prob(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Log-probability of the level x, elementwise, without cancellation.

    With a and b the level's upper and lower edge in units of the scale, σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b − a)). Of
    the darkest level only σ(a) is left, of the brightest σ(−b).
    """
    half = 0.5 / (LEVELS - 1)
    inverse = torch.exp(-log_scale)
    below_upper = functional.logsigmoid((x - mean + half) * inverse)
    above_lower = functional.logsigmoid(-(x - mean - half) * inverse)
    within = torch.log(-torch.expm1(-2 * half * inverse))
    darkest, brightest = x < half, x > 1 - half
    inner = torch.where(darkest | brightest, 0.0, within)
    return torch.where(brightest, 0.0, below_upper) + torch.where(darkest, 0.0, above_lower) + inner


LOGISTICS: dict[str, type[DiscretisedLogistic]] = {"learned": LearnedScaleLogistic, "pixel": PixelScaleLogistic}


def build_logistic(config: LikelihoodConfig) -> DiscretisedLogistic:
    """The discretised logistic distribution with the scale of ``config.sigma``."""
    return LOGISTICS[config.sigma](config)
