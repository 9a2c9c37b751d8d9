"""The uniform prior over categories."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.config import PriorConfig
from latentlab.models.priors.base import Encode, ImageShape, Prior


class CategoricalPrior(Prior):
    """Every one-hot vector is as likely as any other.

    The number of categories is the posterior's, which tells it through ``categories``.
    """

    has_closed_form_rate = True

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.categories = latent_dim

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log-probability, the same for all: −N log M, shape [...]."""
        count = self.latent_dim // self.categories
        return z.new_full(z.shape[:-1], -count * math.log(self.categories))

    def sample(self, count: int, generator: torch.Generator | None = None, encode: Encode | None = None) -> Tensor:
        """Draw [count, d] latents: one-hot vectors side by side."""
        groups = self.latent_dim // self.categories
        chosen = self._choices(count * groups, self.categories, generator)
        return functional.one_hot(chosen, self.categories).to(torch.float32).view(count, self.latent_dim)
