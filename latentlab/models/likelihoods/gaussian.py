"""Likelihoods p(x|z) of images given a decoder's output, summed over pixels.

Decoders output logits or means, never probabilities whose logarithm would be taken later.

To add a likelihood, write a subclass of ``Likelihood`` in a file of its own and add its line to ``LIKELIHOODS``; its
name becomes a value of ``LikelihoodConfig.kind`` (``latentlab/config/parts.py``).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from latentlab.config import LikelihoodConfig
from latentlab.models.batch_reduction import ratio_over_batch
from latentlab.models.functional import LOG_2PI, gaussian_log_density, soft_clip

# Soft lower limit of log σ: without one the density of constant pixels is unbounded (Rybkin et al. 2021).
MIN_LOG_SIGMA = -6.0


def sum_over_pixels(values: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over channels and observed pixels: [K, B, C, H, W] to [K, B]."""
    return (values if mask is None else values * mask).sum((-3, -2, -1))


def observed_count(x: Tensor, mask: Tensor | None) -> Tensor | int:
    """Observed values per image of x [B, C, H, W]: an int, or a tensor [B] with a mask [B, 1, H, W]."""
    channels, height, width = x.shape[1:]
    return channels * height * width if mask is None else channels * mask.sum((1, 2, 3))


class Likelihood(nn.Module):
    """p(x|z) of images x with values in [0, 1].

    Attributes
    ----------
    parameters_per_pixel
        Outputs of the decoder per channel and pixel.
    is_density
        Whether pixels are continuous, so that bits per dimension include the width of a grey level.
    """

    parameters_per_pixel = 1
    is_density = False

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__()

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log p(x|z) in nats, [K, B].

        Parameters
        ----------
        output
            The decoder's output, [K, B, C', H, W].
        x
            Images, [B, C, H, W].
        mask
            [B, 1, H, W], 1 where a pixel is observed; the others are left out. ``None``: all are.
        """
        raise NotImplementedError

    def mean(self, output: Tensor) -> Tensor:
        """Mean of p(x|z) in [0, 1], [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError

    def sample(self, output: Tensor) -> Tensor:
        """Draw images from p(x|z), [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError


class _BernoulliLogProb(torch.autograd.Function):
    """x · l − softplus(l) for logits l, elementwise: minus ``binary_cross_entropy_with_logits``.

    softplus(l) = max(l, 0) − log σ(|l|), and the derivative needs σ(l) only, which is computed once for both. On the
    CPU this takes three quarters of the time of torch's function, which is 6 % of a fully connected network's step.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        probs = torch.sigmoid(logits)
        ctx.save_for_backward(probs, x)
        # σ(|l|) ≥ 1/2, where the logarithm is accurate.
        terms = torch.maximum(probs, 1 - probs).log_()
        return terms.sub_(logits.clamp_min(0)).addcmul_(x, logits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        probs, x = ctx.saved_tensors
        return (x - probs).mul_(gradient), None


class Bernoulli(Likelihood):
    """Independent Bernoulli pixels with the output as logits; grey values count as expectations.

    Examples
    --------
    >>> likelihood = Bernoulli(LikelihoodConfig())
    >>> output, x = torch.zeros(3, 2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    >>> likelihood.log_prob(output, x).shape
    torch.Size([3, 2])
    >>> likelihood.mean(output).unique()
    tensor([0.5000])
    """

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Minus the cross-entropy in nats, [K, B]; x gets no gradient."""
        terms: Tensor = _BernoulliLogProb.apply(output, x)
        return sum_over_pixels(terms, mask)

    def mean(self, output: Tensor) -> Tensor:
        """Probabilities of white."""
        return torch.sigmoid(output)

    def sample(self, output: Tensor) -> Tensor:
        """Draw pixels that are 0 or 1."""
        return torch.bernoulli(torch.sigmoid(output))


class Gaussian(Likelihood):
    """Independent Gaussian pixels with the output as means and a fixed σ, ``config.sigma_value``.

    Examples
    --------
    >>> likelihood = Gaussian(LikelihoodConfig(kind="gaussian", sigma="fixed", sigma_value=1.0))
    >>> x = torch.zeros(1, 1, 1, 1)
    >>> round(likelihood.log_prob(x[None], x).item(), 4)
    -0.9189
    """

    is_density = True

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.initial_log_sigma = math.log(config.sigma_value)

    def clipped_log_sigma(self) -> Tensor:
        """Log σ."""
        return torch.tensor(self.initial_log_sigma)

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B], from the sum of squared errors: all pixels have the same σ."""
        return self._log_prob_of(sum_over_pixels((x - output) ** 2, mask), self.clipped_log_sigma(), x, mask)

    @staticmethod
    def _log_prob_of(squares: Tensor, log_sigma: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Log-density in nats, [K, B], for sums of squared errors ``squares`` [K, B]."""
        return -0.5 * squares * torch.exp(-2 * log_sigma) - observed_count(x, mask) * (log_sigma + 0.5 * LOG_2PI)

    def _mean_and_log_sigma(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of every pixel."""
        return output, self.clipped_log_sigma()

    def mean(self, output: Tensor) -> Tensor:
        """Means, clamped to [0, 1]."""
        return self._mean_and_log_sigma(output)[0].clamp(0, 1)

    def sample(self, output: Tensor) -> Tensor:
        """Draw pixels, not clamped."""
        mean, log_sigma = self._mean_and_log_sigma(output)
        return mean + torch.exp(log_sigma) * torch.randn_like(mean)


class LearnedSigmaGaussian(Gaussian):
    """Gaussian pixels with one learned σ, soft-clipped above exp(−6)."""

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.log_sigma = nn.Parameter(torch.tensor(self.initial_log_sigma))

    def clipped_log_sigma(self) -> Tensor:
        """Log σ, soft-clipped above −6."""
        return soft_clip(self.log_sigma, MIN_LOG_SIGMA)


class OptimalSigmaGaussian(Gaussian):
    """Gaussian pixels with the maximum-likelihood σ of the batch: the root of its mean squared error.

    Outside training a running average of the training batches' variance is used.

    References
    ----------
    Rybkin, Daniilidis & Levine 2021, Simple and Effective VAE Training with Calibrated Decoders (arXiv:2006.13202).
    """

    DECAY = 0.99
    running_variance: Tensor
    batches: Tensor

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.register_buffer("running_variance", torch.tensor(config.sigma_value**2))
        self.register_buffer("batches", torch.tensor(0.0))

    def clipped_log_sigma(self) -> Tensor:
        """Log σ of the running average, soft-clipped above −6."""
        return self._clipped(self.running_variance)

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B]; in training with the batch's own σ."""
        if not self.training:
            return super().log_prob(output, x, mask)
        squares = sum_over_pixels((x - output) ** 2, mask)
        pixels = observed_count(x, mask)
        observed = len(x) * pixels if isinstance(pixels, int) else pixels.sum().clamp_min(1)
        variance = ratio_over_batch(squares.mean(0).sum(), observed)
        with torch.no_grad():
            self.batches.add_(1)
            # The mean of the first batches: the initial value is not an estimate.
            weight = torch.maximum(1 / self.batches, torch.full_like(self.batches, 1 - self.DECAY))
            self.running_variance.lerp_(variance.detach(), weight)
        return self._log_prob_of(squares, self._clipped(variance), x, mask)

    @staticmethod
    def _clipped(variance: Tensor) -> Tensor:
        # 1e-12 keeps the gradient finite when the reconstruction is perfect.
        return soft_clip(0.5 * torch.log(variance + 1e-12), MIN_LOG_SIGMA)


class PixelSigmaGaussian(Gaussian):
    """Gaussian pixels whose mean and log σ are the first and second half of the output's channels."""

    parameters_per_pixel = 2

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B]."""
        return sum_over_pixels(gaussian_log_density(x, *self._mean_and_log_sigma(output)), mask)

    def _mean_and_log_sigma(self, output: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_sigma = output.chunk(2, dim=-3)
        return mean, soft_clip(log_sigma, MIN_LOG_SIGMA)


GAUSSIANS: dict[str, type[Gaussian]] = {
    "fixed": Gaussian,
    "learned": LearnedSigmaGaussian,
    "optimal": OptimalSigmaGaussian,
    "pixel": PixelSigmaGaussian,
}


def build_likelihood(config: LikelihoodConfig) -> Likelihood:
    """The likelihood of ``config.kind`` (and, for a Gaussian, ``config.sigma``)."""
    return Bernoulli(config) if config.kind == "bernoulli" else GAUSSIANS[config.sigma](config)
