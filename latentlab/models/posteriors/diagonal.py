"""Diagonal Gaussian posterior."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig
from latentlab.models.functional import gaussian_kl, gaussian_log_density, soft_clip, standard_normal_log_density
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior, standard_noise

# Outside this range a standard deviation has no meaning, and its square overflows or underflows in float32.
LOG_STD_RANGE = (-12.0, 12.0)


class Diagonal(VariationalPosterior):
    """N(mean, diag(exp(log_std)²)).

    Parameters
    ----------
    mean, log_std
        [B, d].

    Examples
    --------
    >>> q = Diagonal(torch.zeros(2, 3), torch.zeros(2, 3))
    >>> q.rsample(5).z.shape
    torch.Size([5, 2, 3])
    >>> q.kl_to_prior().sum().item()
    0.0

    References
    ----------
    Kingma & Welling 2014, Auto-Encoding Variational Bayes (arXiv:1312.6114).
    """

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
        """Draw z = mean + std · ε."""
        return self.from_noise(standard_noise(samples, self._mean))

    def from_noise(self, noise: Tensor) -> PosteriorSample:
        """Mean + std · ε for given ε [K, B, d]."""
        # Unsqueezed, so that the gradient of a single sample is not summed over samples.
        z = self._mean.unsqueeze(0) + self.std.unsqueeze(0) * noise
        return PosteriorSample(z, lambda: (standard_normal_log_density(noise) - self.log_std).sum(-1))

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x) in nats, [K, B]."""
        return gaussian_log_density(z, self._mean, self.log_std).sum(-1)

    def kl_to_prior(self) -> Tensor:
        """KL to N(0, I) in nats, [B, d]."""
        return gaussian_kl(self._mean, self.log_std)

    def parameters(self) -> tuple[Tensor, ...]:
        """Mean and logarithm of the standard deviation."""
        return self._mean, self.log_std


class DiagonalPosterior(Posterior):
    """Two affine heads: the mean, and the logarithm of the standard deviation, soft-clipped to ``log_std_range``."""

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
        """Compute q(z|x)."""
        return Diagonal(self.mean(features), soft_clip(self.log_std(features), *self.log_std_range))
