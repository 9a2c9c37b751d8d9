"""Diagonal Gaussian posterior (Kingma & Welling 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig
from latentlab.models.functional import gaussian_kl, gaussian_log_density, soft_clip, standard_normal_log_density
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior, standard_noise

# Beyond these a standard deviation means nothing any more, and its square overflows or vanishes in float32.
LOG_STD_RANGE = (-12.0, 12.0)


class Diagonal(VariationalPosterior):
    """N(mean, diag(exp(log_std)²)), [B, d] each."""

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        self._mean = mean
        self.log_std = log_std

    @property
    def mean(self) -> Tensor:
        """Mean, [B, d]."""
        return self._mean

    @property
    def std(self) -> Tensor:
        """Standard deviation, [B, d]."""
        return torch.exp(self.log_std)

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw by z = mean + std · ε."""
        return self.from_noise(standard_noise(samples, self._mean))

    def from_noise(self, noise: Tensor) -> PosteriorSample:
        """Mean + std · ε of given ε."""
        # Unsqueezed: so a single sample's gradient need not be summed over samples.
        z = self._mean.unsqueeze(0) + self.std.unsqueeze(0) * noise
        return PosteriorSample(z, lambda: (standard_normal_log_density(noise) - self.log_std).sum(-1))

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x), [K, B]."""
        return gaussian_log_density(z, self._mean, self.log_std).sum(-1)

    def kl_to_prior(self) -> Tensor:
        """KL to N(0, I) per image and dimension, [B, d]."""
        return gaussian_kl(self._mean, self.log_std)

    def parameters(self) -> tuple[Tensor, ...]:
        """Mean and logarithm of the standard deviation."""
        return self._mean, self.log_std


class DiagonalPosterior(Posterior):
    """Two affine heads: mean, and logarithm of the standard deviation, softly kept within a range."""

    def __init__(
        self,
        config: PosteriorConfig,
        features: int,
        latent_dim: int,
        log_std_range: tuple[float, float] = LOG_STD_RANGE,
    ) -> None:
        super().__init__(config, features, latent_dim)
        self.log_std_range = log_std_range
        self.mean = nn.Linear(features, latent_dim)
        self.log_std = nn.Linear(features, latent_dim)

    def forward(self, features: Tensor) -> Diagonal:
        """Parametrise q(z|x)."""
        return Diagonal(self.mean(features), soft_clip(self.log_std(features), *self.log_std_range))
