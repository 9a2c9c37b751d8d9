"""What every approximate posterior is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentlab.config import PosteriorConfig


class Draw(NamedTuple):
    """Latents ``z`` [K, B, d] and their log-density ``log_q`` [K, B] under the posterior."""

    z: Tensor
    log_q: Tensor


class Approximation:
    """q(z|x) for each image of a batch.

    Attributes
    ----------
    mean, std
        [B, d] each.
    has_density
        False for a point mass, which has no rate.
    """

    mean: Tensor
    std: Tensor
    has_density = True

    def rsample(self, samples: int) -> Draw:
        """Draw ``samples`` latents per image, differentiable in q's parameters."""
        raise NotImplementedError

    def kl_to_standard(self) -> Tensor | None:
        """KL(q ‖ N(0, I)) per image and dimension, [B, d], or per image, [B, 1]; ``None`` without a closed form."""
        return None


class Posterior(nn.Module):
    """The head that turns the encoder's features [B, F] into an approximation."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__()

    def forward(self, features: Tensor) -> Approximation:
        """Parametrise q(z|x)."""
        raise NotImplementedError


def standard_noise(samples: int, like: Tensor) -> Tensor:
    """Standard normal noise [samples, *like.shape]."""
    return torch.randn(samples, *like.shape, dtype=like.dtype, device=like.device)
