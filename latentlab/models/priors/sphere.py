"""The uniform prior on the unit sphere."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.models.posteriors.von_mises_fisher import log_area
from latentlab.models.priors.base import Encode, Prior


class SpherePrior(Prior):
    """The uniform distribution on the unit sphere in d dimensions, d ≥ 2.

    Examples
    --------
    >>> from latentlab.config import PriorConfig
    >>> prior = SpherePrior(PriorConfig(kind="sphere"), 3, (1, 28, 28))
    >>> prior.sample(2).norm(dim=-1)
    tensor([1., 1.])
    >>> round(prior.log_prob(torch.tensor([[0.0, 0.0, 1.0]])).item(), 3)  # 1 / 4π
    -2.531

    References
    ----------
    Davidson et al. 2018, Hyperspherical Variational Auto-Encoders (arXiv:1804.00891).
    """

    has_closed_form_rate = True

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Minus the logarithm of the sphere's area in nats, shape [...], for z on it."""
        return z.new_full(z.shape[:-1], -log_area(self.latent_dim))

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents; there is no temperature."""
        return functional.normalize(self._normal(count, generator), dim=-1)
