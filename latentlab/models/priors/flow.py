"""A learned autoregressive flow as prior (Papamakarios, Pavlakou & Murray 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import PriorConfig
from latentlab.models.functional import standard_normal_log_density
from latentlab.models.networks.made import MADE
from latentlab.models.priors.base import Encode, ImageShape, Prior

LARGEST_LOG_SCALE = 4.0


class FlowPrior(Prior):
    """z such that u = (z − m(z)) · exp(−s(z)), step by step, is standard normal; m and s come from a MADE.

    The density takes one pass; a draw takes one per dimension.
    """

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.steps = nn.ModuleList(
            MADE(latent_dim, config.hidden, reverse=bool(step % 2)) for step in range(config.steps)
        )
        for step in self.steps:
            assert isinstance(step, MADE)
            nn.init.zeros_(step.outward.weight)  # begins as N(0, I)
            nn.init.zeros_(step.outward.bias)

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z), shape [...]."""
        total = z.new_zeros(z.shape[:-1])
        for step in self.steps:
            shift, log_scale = _shift_and_scale(step, z)
            z = (z - shift) * torch.exp(-log_scale)
            total = total - log_scale.sum(-1)
        return total + standard_normal_log_density(z).sum(-1)

    def sample(self, count: int, generator: torch.Generator | None = None, encode: Encode | None = None) -> Tensor:
        """Draw [count, d] latents."""
        u = self._normal(count, generator)
        for step in reversed(self.steps):
            assert isinstance(step, MADE)
            z = torch.zeros_like(u)
            for place in range(self.latent_dim):
                column = step.places.index(place)
                shift, log_scale = _shift_and_scale(step, z)
                z[:, column] = shift[:, column] + u[:, column] * torch.exp(log_scale[:, column])
            u = z
        return u


def _shift_and_scale(step: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    shift, raw = step(z)
    return shift, LARGEST_LOG_SCALE * torch.tanh(raw / LARGEST_LOG_SCALE)
