"""The uniform prior over categories."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.config import PriorConfig
from latentlab.models.priors.base import Encode, ImageShape, Prior


class CategoricalPrior(Prior):
    """The uniform distribution over one-hot vectors.

    Attributes
    ----------
    categories
        M, the categories of each of the d / M variables; set by the model to the posterior's number.

    Examples
    --------
    >>> prior = CategoricalPrior(PriorConfig(kind="categorical"), 6, (1, 28, 28))
    >>> prior.categories = 3
    >>> prior.sample(4).view(4, 2, 3).sum(-1).unique()
    tensor([1.])
    """

    has_closed_form_rate = True

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.categories = latent_dim

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log-probability in nats, the same for all: −N log M, shape [...]."""
        count = self.latent_dim // self.categories
        return z.new_full(z.shape[:-1], -count * math.log(self.categories))

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents: one-hot vectors side by side."""
        groups = self.latent_dim // self.categories
        chosen = self._choices(count * groups, self.categories, generator)
        return functional.one_hot(chosen, self.categories).to(torch.float32).view(count, self.latent_dim)
