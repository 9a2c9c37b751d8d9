"""Base classes of the approximate posteriors q(z|x)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig


class PosteriorSample:
    """Latents drawn from a posterior.

    Parameters
    ----------
    z
        [K, B, d].
    log_density
        Computes ``log_q``; not called where the rate has a closed form.
    """

    def __init__(self, z: Tensor, log_density: Callable[[], Tensor]) -> None:
        self.z = z
        self._log_density = log_density

    @cached_property
    def log_q(self) -> Tensor:
        """Log-density of each latent under the posterior, in nats, [K, B]."""
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
        """Transform standard normal noise [K, B, d] to latents."""
        raise NotImplementedError

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x) in nats, [K, B], of any latents [K, B, d]."""
        raise NotImplementedError

    def kl_to_prior(self) -> Tensor | None:
        """KL to the family's standard prior in nats, [B, d]; ``None`` if it has no closed form.

        The standard prior is N(0, I) for continuous latents and the uniform distribution for categories.
        """
        return None

    def parameters(self) -> tuple[Tensor, ...]:
        """The tensors that determine q, for refinement image by image."""
        raise NotImplementedError

    def with_parameters(self, parameters: tuple[Tensor, ...]) -> VariationalPosterior:
        """The same family with other parameters."""
        return type(self)(*parameters)


class Posterior(nn.Module):
    """A head that maps the encoder's features [B, F] to q(z|x)."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__()

    def forward(self, features: Tensor) -> VariationalPosterior:
        """Compute q(z|x)."""
        raise NotImplementedError

    def learning_rate_factors(self) -> dict[nn.Parameter, float]:
        """Factors of the learning rate for parameters that need another one than the rest of the model."""
        return {}

    def update_schedule(self, epochs_done: float) -> None:
        """Set annealed buffers (e.g. a temperature) to their values after ``epochs_done`` epochs; fractions count."""


def standard_noise(samples: int, like: Tensor) -> Tensor:
    """Standard normal noise [samples, *like.shape]."""
    return torch.randn(samples, *like.shape, dtype=like.dtype, device=like.device)
