"""Gaussian pixels, with a fixed or a learned σ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from latentlab.config import LikelihoodConfig
from latentlab.models.batch_reduction import ratio_over_batch
from latentlab.models.functional import LOG_2PI, gaussian_log_density, soft_clip
from latentlab.models.likelihoods.base import Likelihood, logits_of, observed_count, sum_over_pixels

# Lower limit of log σ: without one the density of constant pixels is unbounded (Rybkin et al. 2021).
MIN_LOG_SIGMA = -6.0


class Gaussian(Likelihood):
    """Independent Gaussian pixels with the output, or its sigmoid, as means and a fixed σ, ``config.sigma_value``.

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
        self._is_sigmoid = config.mean == "sigmoid"

    def pixel_means(self, output: Tensor) -> Tensor:
        """The mean of every pixel, from the decoder's output for it."""
        return torch.sigmoid(output) if self._is_sigmoid else output

    def clipped_log_sigma(self) -> Tensor:
        """Log σ."""
        return torch.tensor(self.initial_log_sigma)

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B], from the sum of squared errors: all pixels have the same σ."""
        return self._log_prob_of(self._squares(output, x, mask), self.clipped_log_sigma(), x, mask)

    def _squares(self, output: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Sums of squared errors, [K, B]."""
        return sum_over_pixels((x - self.pixel_means(output)) ** 2, mask)

    @staticmethod
    def _log_prob_of(squares: Tensor, log_sigma: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Log-density in nats, [K, B], for sums of squared errors ``squares`` [K, B]."""
        return -0.5 * squares * torch.exp(-2 * log_sigma) - observed_count(x, mask) * (log_sigma + 0.5 * LOG_2PI)

    def _mean_and_log_sigma(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of every pixel."""
        return self.pixel_means(output), self.clipped_log_sigma()

    def mean(self, output: Tensor) -> Tensor:
        """Means, clamped to [0, 1]."""
        return self._mean_and_log_sigma(output)[0].clamp(0, 1)

    def output_for(self, mean: Tensor) -> Tensor | None:
        """The means themselves or their logits; ``None`` where σ is an output too."""
        if self.parameters_per_pixel != 1:
            return None
        return logits_of(mean) if self._is_sigmoid else mean

    def std(self, output: Tensor) -> Tensor:
        """σ of every pixel."""
        mean, log_sigma = self._mean_and_log_sigma(output)
        return torch.exp(log_sigma).expand_as(mean)

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

    With weights w_i of the images it maximises Σ_i w_i log p(x_i|z_i): σ² = Σ_i w_i ‖x_i − x̂_i‖² / Σ_i w_i n_i for n_i
    pixels. Outside training, and where it is ``held``, a running average of the training batches' variance is used.

    The limit at e⁻⁶ is hard, unlike in Rybkin et al.'s program: the log-likelihood's derivative in σ is 0 at the
    optimum, so that no gradient is lost, and a soft one would add .0025 to every σ (4 nats for a digit at σ = .05).

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
        self._is_held = False

    def clipped_log_sigma(self) -> Tensor:
        """Log σ of the running average, at least −6."""
        return self._clipped(self.running_variance)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Use the running average inside this block, and leave it as it is."""
        before, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = before

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B]; in training with the batch's own σ."""
        if not self.training or self._is_held:
            return super().log_prob(output, x, mask)
        squares = self._squares(output, x, mask)
        counts = torch.ones_like(squares[0]) if weights is None else weights
        observed = (counts * observed_count(x, mask)).sum().clamp_min(1)
        variance = ratio_over_batch((counts * squares.mean(0)).sum(), observed)
        with torch.no_grad():
            self.batches.add_(1)
            # The mean of the first batches: the initial value is not an estimate.
            weight = torch.maximum(1 / self.batches, torch.full_like(self.batches, 1 - self.DECAY))
            self.running_variance.lerp_(variance.detach(), weight)
        return self._log_prob_of(squares, self._clipped(variance), x, mask)

    @staticmethod
    def _clipped(variance: Tensor) -> Tensor:
        return 0.5 * torch.log(variance.clamp_min(math.exp(2 * MIN_LOG_SIGMA)))


class PixelSigmaGaussian(Gaussian):
    """Gaussian pixels whose mean and log σ are the first and second half of the output's channels."""

    parameters_per_pixel = 2

    def log_prob(self, output: Tensor, x: Tensor, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Log-density in nats, [K, B]."""
        return sum_over_pixels(gaussian_log_density(x, *self._mean_and_log_sigma(output)), mask)

    def _mean_and_log_sigma(self, output: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_sigma = output.chunk(2, dim=-3)
        return self.pixel_means(mean), soft_clip(log_sigma, MIN_LOG_SIGMA)


GAUSSIANS: dict[str, type[Gaussian]] = {
    "fixed": Gaussian,
    "learned": LearnedSigmaGaussian,
    "optimal": OptimalSigmaGaussian,
    "pixel": PixelSigmaGaussian,
}


def build_gaussian(config: LikelihoodConfig) -> Gaussian:
    """The Gaussian with the variance of ``config.sigma``."""
    return GAUSSIANS[config.sigma](config)
