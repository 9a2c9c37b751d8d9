"""The standard normal prior."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.functional import standard_normal_log_density
from latentlab.models.priors.base import Encode, Prior


class StandardPrior(Prior):
    """N(0, I).

    Examples
    --------
    >>> from latentlab.config import PriorConfig
    >>> prior = StandardPrior(PriorConfig(), 2, (1, 28, 28))
    >>> round(prior.log_prob(torch.zeros(2)).item(), 4)
    -1.8379
    """

    has_closed_form_rate = True

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log N(z; 0, I) in nats, shape [...]."""
        return standard_normal_log_density(z).sum(-1)

    def marginals(self, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """N(0, 1) in every dimension."""
        zeros = torch.zeros(1, self.latent_dim, device=self.device)
        return zeros, zeros

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents."""
        return temperature * self._normal(count, generator)
