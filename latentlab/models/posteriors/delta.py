"""Point mass instead of a distribution: the posterior of a plain autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior


class Delta(VariationalPosterior):
    """All mass at ``mean`` [B, d]. It has no density: its rate counts as 0, and minus its distortion is no bound.

    Examples
    --------
    >>> q = Delta(torch.ones(1, 2))
    >>> q.rsample(3).z.shape, q.std
    (torch.Size([3, 1, 2]), tensor([[0., 0.]]))
    """

    has_density = False

    def __init__(self, mean: Tensor) -> None:
        self._mean = mean

    @property
    def mean(self) -> Tensor:
        """The point, [B, d]."""
        return self._mean

    @property
    def std(self) -> Tensor:
        """Zeros, [B, d]."""
        return torch.zeros_like(self._mean)

    def rsample(self, samples: int) -> PosteriorSample:
        """The point, ``samples`` times."""
        z = self._mean.expand(samples, *self._mean.shape)
        return PosteriorSample(z, lambda: z.new_zeros(z.shape[:2]))

    def from_noise(self, noise: Tensor) -> PosteriorSample:
        """The point, whatever the noise."""
        return self.rsample(len(noise))

    def kl_to_prior(self) -> Tensor:
        """Zeros, [B, d]: no density, no rate."""
        return torch.zeros_like(self._mean)

    def parameters(self) -> tuple[Tensor, ...]:
        """The point."""
        return (self._mean,)


class DeltaPosterior(Posterior):
    """One affine head: the point."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.mean = nn.Linear(features, latent_dim)

    def forward(self, features: Tensor) -> Delta:
        """Compute the point."""
        return Delta(self.mean(features))
