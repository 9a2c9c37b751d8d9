"""Likelihoods p(x|z), by kind: they read a decoder's output and sum over pixels.

Decoders emit logits or means, never probabilities that would be logged later.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from latentlab.config import LikelihoodConfig
from latentlab.models.batch_reduction import ratio_of_all
from latentlab.models.functional import LOG_2PI, gaussian_log_density, soft_clip

# Where log σ is softly held: an unbounded density would otherwise swallow constant pixels (Rybkin et al. 2021).
SMALLEST_LOG_SIGMA = -6.0


def over_pixels(values: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over the observed pixels: [K, B, C, H, W] to [K, B]."""
    return (values if mask is None else values * mask).sum((-3, -2, -1))


def pixels_of(x: Tensor, mask: Tensor | None) -> Tensor | int:
    """How many numbers of each image [B, C, H, W] are observed: one for all, or [B] with a mask [B, 1, H, W]."""
    channels, height, width = x.shape[1:]
    return channels * height * width if mask is None else channels * mask.sum((1, 2, 3))


class Likelihood(nn.Module):
    """p(x|z).

    Attributes
    ----------
    parameters_per_pixel
        Numbers the decoder emits for each channel of each pixel.
    is_density
        Whether pixels are continuous in [0, 1], so that bits per dimension count a grey level's width too.
    """

    parameters_per_pixel = 1
    is_density = False

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__()

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log p(x|z), [K, B], of images [B, C, H, W] under the decoder's output [K, B, C', H, W].

        ``mask`` [B, 1, H, W] is 1 where a pixel is observed; the others carry no likelihood.
        """
        raise NotImplementedError

    def mean(self, output: Tensor) -> Tensor:
        """Mean of p(x|z) in [0, 1], [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError

    def sample(self, output: Tensor) -> Tensor:
        """Draw an image from p(x|z), [..., C, H, W], from the decoder's output [..., C', H, W]."""
        raise NotImplementedError


class _BernoulliLogProb(torch.autograd.Function):
    """x · l − softplus(l) of logits l, elementwise: minus ``binary_cross_entropy_with_logits``.

    softplus(l) = max(l, 0) − log σ(|l|), and σ(l) is all that the derivative needs: it is computed once for both. On
    the CPU that takes three quarters of the time, of which a fully connected network's step has some 6 %.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor) -> Tensor:
        white = torch.sigmoid(logits)
        ctx.save_for_backward(white, x)
        # σ(|l|) is at least a half: its logarithm is as exact as it is small.
        terms = torch.maximum(white, 1 - white).log_()
        return terms.sub_(logits.clamp_min(0)).addcmul_(x, logits)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        white, x = ctx.saved_tensors
        return (x - white).mul_(gradient), None


class Bernoulli(Likelihood):
    """Independent Bernoulli pixels; the output is their logits. Grey values count as expectations."""

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Minus the cross-entropy, [K, B]; x gets no gradient."""
        terms: Tensor = _BernoulliLogProb.apply(output, x)
        return over_pixels(terms, mask)

    def mean(self, output: Tensor) -> Tensor:
        """Probabilities of a pixel being white."""
        return torch.sigmoid(output)

    def sample(self, output: Tensor) -> Tensor:
        """Draw black and white pixels."""
        return torch.bernoulli(torch.sigmoid(output))


class Gaussian(Likelihood):
    """Independent Gaussian pixels; the output is their means. This one's σ is fixed."""

    is_density = True

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.start = math.log(config.sigma_value)

    def clipped_log_sigma(self) -> Tensor:
        """Log σ."""
        return torch.tensor(self.start)

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density, [K, B], from the sum of the squared errors: all pixels have the same σ."""
        return self._of_squares(over_pixels((x - output) ** 2, mask), self.clipped_log_sigma(), x, mask)

    @staticmethod
    def _of_squares(squares: Tensor, log_sigma: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Log-density, [K, B], of images whose squared errors sum to ``squares`` [K, B]."""
        return -0.5 * squares * torch.exp(-2 * log_sigma) - pixels_of(x, mask) * (log_sigma + 0.5 * LOG_2PI)

    def _mean_and_log_sigma(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of every pixel."""
        return output, self.clipped_log_sigma()

    def mean(self, output: Tensor) -> Tensor:
        """Means, cut to [0, 1]."""
        return self._mean_and_log_sigma(output)[0].clamp(0, 1)

    def sample(self, output: Tensor) -> Tensor:
        """Draw pixels, not cut."""
        mean, log_sigma = self._mean_and_log_sigma(output)
        return mean + torch.exp(log_sigma) * torch.randn_like(mean)


class LearnedSigmaGaussian(Gaussian):
    """One learned σ for all pixels, softly kept above exp(−6)."""

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.log_sigma = nn.Parameter(torch.tensor(self.start))

    def clipped_log_sigma(self) -> Tensor:
        """Log σ, softly kept above −6."""
        return soft_clip(self.log_sigma, SMALLEST_LOG_SIGMA)


class OptimalSigmaGaussian(Gaussian):
    """The σ under which the batch is likeliest: the root of its mean squared error (Rybkin et al. 2021).

    Outside training a batch must not choose its own: a running average of the training's is used.
    """

    DECAY = 0.99
    running_variance: Tensor
    batches: Tensor

    def __init__(self, config: LikelihoodConfig) -> None:
        super().__init__(config)
        self.register_buffer("running_variance", torch.tensor(config.sigma_value**2))
        self.register_buffer("batches", torch.tensor(0.0))

    def clipped_log_sigma(self) -> Tensor:
        """Log σ of the running average, softly kept above −6."""
        return self._clipped(self.running_variance)

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density, [K, B]; in training under the batch's own σ."""
        if not self.training:
            return super().log_prob(output, x, mask)
        squares = over_pixels((x - output) ** 2, mask)
        pixels = pixels_of(x, mask)
        observed = len(x) * pixels if isinstance(pixels, int) else pixels.sum().clamp_min(1)
        variance = ratio_of_all(squares.mean(0).sum(), observed)
        with torch.no_grad():
            self.batches.add_(1)
            # The first batches count fully: what the average starts from is no estimate.
            share = torch.maximum(1 / self.batches, torch.full_like(self.batches, 1 - self.DECAY))
            self.running_variance.lerp_(variance.detach(), share)
        return self._of_squares(squares, self._clipped(variance), x, mask)

    @staticmethod
    def _clipped(variance: Tensor) -> Tensor:
        # The least number keeps the logarithm's gradient finite when the reconstruction is perfect.
        return soft_clip(0.5 * torch.log(variance + 1e-12), SMALLEST_LOG_SIGMA)


class PixelSigmaGaussian(Gaussian):
    """Mean and σ of every pixel, both from the decoder: the output's first and second half of the channels."""

    parameters_per_pixel = 2

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-density, [K, B], of each pixel under its own σ."""
        return over_pixels(gaussian_log_density(x, *self._mean_and_log_sigma(output)), mask)

    def _mean_and_log_sigma(self, output: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_sigma = output.chunk(2, dim=-3)
        return mean, soft_clip(log_sigma, SMALLEST_LOG_SIGMA)


GAUSSIANS: dict[str, type[Gaussian]] = {
    "fixed": Gaussian,
    "learned": LearnedSigmaGaussian,
    "optimal": OptimalSigmaGaussian,
    "pixel": PixelSigmaGaussian,
}


def build_likelihood(config: LikelihoodConfig) -> Likelihood:
    """The likelihood of that kind."""
    return Bernoulli(config) if config.kind == "bernoulli" else GAUSSIANS[config.sigma](config)
