"""What every approximate posterior is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig


class PosteriorSample:
    """Latents that were drawn from a posterior.

    Parameters
    ----------
    z
        [K, B, d].
    log_density
        Computes ``log_q``: who knows the rate in closed form never asks for it.
    """

    def __init__(self, z: Tensor, log_density: Callable[[], Tensor]) -> None:
        self.z = z
        self._log_density = log_density

    @cached_property
    def log_q(self) -> Tensor:
        """Log-density of each latent under the posterior, [K, B]."""
        return self._log_density()


class VariationalPosterior:
    """q(z|x) for each image of a batch.

    Attributes
    ----------
    has_density
        False for a point mass, which has no rate.
    """

    has_density = True

    @property
    def mean(self) -> Tensor:
        """Mean, [B, d]."""
        raise NotImplementedError

    @property
    def std(self) -> Tensor:
        """Standard deviation of each dimension, [B, d]."""
        raise NotImplementedError

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw ``samples`` latents per image, differentiable in q's parameters."""
        raise NotImplementedError

    def from_noise(self, noise: Tensor) -> PosteriorSample:
        """The latents [K, B, d] that standard normal noise [K, B, d] becomes, for those who bring their own."""
        raise NotImplementedError

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x), [K, B], of latents [K, B, d] that came from elsewhere."""
        raise NotImplementedError

    def kl_to_prior(self) -> Tensor | None:
        """KL per image and dimension, [B, d], to the prior that goes with this family; ``None`` if unknown.

        That is N(0, I) for continuous latents, the uniform distribution for categories.
        """
        return None

    def parameters(self) -> tuple[Tensor, ...]:
        """The free tensors q consists of, for those who refine it image by image."""
        raise NotImplementedError

    def with_parameters(self, parameters: tuple[Tensor, ...]) -> VariationalPosterior:
        """The same family with other parameters."""
        return type(self)(*parameters)


class Posterior(nn.Module):
    """The head that turns the encoder's features [B, F] into an approximation."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__()

    def forward(self, features: Tensor) -> VariationalPosterior:
        """Parametrise q(z|x)."""
        raise NotImplementedError

    def update_schedule(self, epochs_done: float) -> None:
        """Write the values of annealed buffers (a temperature) after ``epochs_done`` epochs; fractions count."""


def standard_noise(samples: int, like: Tensor) -> Tensor:
    """Standard normal noise [samples, *like.shape]."""
    return torch.randn(samples, *like.shape, dtype=like.dtype, device=like.device)
