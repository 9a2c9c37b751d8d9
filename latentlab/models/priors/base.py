"""What every prior is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import PriorConfig


class Prior(nn.Module):
    """p(z) over ``latent_dim`` latents.

    Attributes
    ----------
    is_standard
        Whether it is N(0, I), to which some posteriors know their KL in closed form.
    """

    is_standard = False

    def __init__(self, config: PriorConfig, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def log_prob(self, z: Tensor) -> Tensor:
        """Log p(z) for z [..., d], shape [...]."""
        raise NotImplementedError

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw [count, d] latents; ``generator`` is a CPU one whatever the device, so that a seed means the same."""
        raise NotImplementedError
