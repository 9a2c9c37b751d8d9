"""The standard normal prior."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.functional import standard_normal_log_density
from latentlab.models.priors.base import Encode, Prior


class StandardPrior(Prior):
    """N(0, I)."""

    has_closed_form_rate = True

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log N(z; 0, I), shape [...]."""
        return standard_normal_log_density(z).sum(-1)

    def sample(self, count: int, generator: torch.Generator | None = None, encode: Encode | None = None) -> Tensor:
        """Draw [count, d] latents."""
        return self._normal(count, generator)
