"""Gaussian posterior with a full covariance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig
from latentlab.models.functional import soft_clip, standard_normal_log_density
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior, standard_noise
from latentlab.models.posteriors.diagonal import LOG_STD_RANGE


class Cholesky(VariationalPosterior):
    """N(mean, L Lᵀ) with a lower triangular L.

    Parameters
    ----------
    mean
        [B, d].
    log_diagonal
        Logarithm of L's diagonal, [B, d].
    below
        L's entries below the diagonal, row by row, [B, d (d − 1) / 2].

    Examples
    --------
    >>> q = Cholesky(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([[2.0]]))
    >>> q.factor[0]
    tensor([[1., 0.],
            [2., 1.]])
    >>> q.kl_to_prior()
    tensor([[0., 2.]])

    References
    ----------
    Kingma & Welling 2019, An Introduction to Variational Autoencoders (arXiv:1906.02691), section 2.5.1.
    """

    def __init__(self, mean: Tensor, log_diagonal: Tensor, below: Tensor) -> None:
        self._mean = mean
        self.log_diagonal = log_diagonal
        self.below = below
        size = mean.shape[-1]
        rows, columns = torch.tril_indices(size, size, -1, device=mean.device)
        self.factor = torch.diag_embed(torch.exp(log_diagonal))
        self.factor[:, rows, columns] = below

    @property
    def mean(self) -> Tensor:
        """Mean, [B, d]."""
        return self._mean

    @property
    def std(self) -> Tensor:
        """Standard deviation of each dimension, [B, d]."""
        return torch.sqrt((self.factor**2).sum(-1))

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw z = mean + L ε."""
        return self.from_noise(standard_noise(samples, self._mean))

    def from_noise(self, noise: Tensor) -> PosteriorSample:
        """Mean + L ε for given ε [K, B, d]."""
        z = self._mean + (self.factor @ noise.unsqueeze(-1)).squeeze(-1)
        return PosteriorSample(z, lambda: standard_normal_log_density(noise).sum(-1) - self.log_diagonal.sum(-1))

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x) in nats, [K, B]."""
        centred = (z - self._mean).unsqueeze(-1)
        noise = torch.linalg.solve_triangular(self.factor.expand(len(z), -1, -1, -1), centred, upper=False)
        return standard_normal_log_density(noise.squeeze(-1)).sum(-1) - self.log_diagonal.sum(-1)

    def kl_to_prior(self) -> Tensor:
        """KL to N(0, I) in nats, split by rows of L, [B, d]; only the sum over d is a KL."""
        return 0.5 * ((self.factor**2).sum(-1) + self._mean**2 - 1) - self.log_diagonal

    def parameters(self) -> tuple[Tensor, ...]:
        """Mean, logarithm of L's diagonal, and the entries below it."""
        return self._mean, self.log_diagonal, self.below


class CholeskyPosterior(Posterior):
    """Three affine heads: the mean, the logarithm of L's diagonal, and the entries below it."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.mean = nn.Linear(features, latent_dim)
        self.log_std = nn.Linear(features, latent_dim)
        self.below = nn.Linear(features, latent_dim * (latent_dim - 1) // 2) if latent_dim > 1 else None

    def forward(self, features: Tensor) -> Cholesky:
        """Compute q(z|x)."""
        below = features.new_zeros(features.shape[0], 0) if self.below is None else self.below(features)
        return Cholesky(self.mean(features), soft_clip(self.log_std(features), *LOG_STD_RANGE), below)
