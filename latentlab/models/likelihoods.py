"""Likelihoods p(x|z), by kind: they read a decoder's output and sum over pixels.

Decoders emit logits or means, never probabilities that would be logged later.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import LikelihoodConfig
from latentlab.models.functional import gaussian_log_density, soft_clip

# Where log σ is softly held: an unbounded density would otherwise swallow constant pixels (Rybkin et al. 2021).
SMALLEST_LOG_SIGMA = -6.0


class Likelihood(nn.Module):
    """p(x|z).

    Attributes
    ----------
    parameters_per_pixel
        Numbers the decoder emits for each channel of each pixel.
    is_density
        Whether pixels are continuous in [0, 1], so that bits per dimension count 8 bits more.
    """

    parameters_per_pixel = 1
    is_density = False

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__()

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """Log p(x|z), [K, B], of images [B, C, H, W] under the decoder's output [K, B, C', H, W]."""
        raise NotImplementedError

    def mean(self, output: Tensor) -> Tensor:
        """Mean of p(x|z) in [0, 1], [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError


class Bernoulli(Likelihood):
    """Independent Bernoulli pixels; the output is their logits. Grey values count as expectations."""

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """Log p(x|z), [K, B]."""
        terms = functional.binary_cross_entropy_with_logits(output, x.expand_as(output), reduction="none")
        return -terms.flatten(2).sum(-1)

    def mean(self, output: Tensor) -> Tensor:
        """Probabilities of a pixel being white."""
        return torch.sigmoid(output)


class Gaussian(Likelihood):
    """Independent Gaussian pixels with one σ for all, fixed or learned; the output is their means."""

    is_density = True

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        log_sigma = torch.tensor(math.log(config.sigma_value))
        if config.sigma == "learned":
            self.log_sigma = nn.Parameter(log_sigma)
        else:
            self.register_buffer("log_sigma", log_sigma, persistent=False)
        self.learned = config.sigma == "learned"

    def clipped_log_sigma(self) -> Tensor:
        """Log σ, softly kept above −6 where it is learned."""
        return soft_clip(self.log_sigma, SMALLEST_LOG_SIGMA) if self.learned else self.log_sigma

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """Log p(x|z), [K, B]."""
        return gaussian_log_density(x, output, self.clipped_log_sigma()).flatten(2).sum(-1)

    def mean(self, output: Tensor) -> Tensor:
        """Means, cut to [0, 1]."""
        return output.clamp(0, 1)


LIKELIHOODS: dict[str, type[Likelihood]] = {"bernoulli": Bernoulli, "gaussian": Gaussian}


def build_likelihood(config: LikelihoodConfig) -> Likelihood:
    """The likelihood of that kind."""
    return LIKELIHOODS[config.kind](config)
