"""What every prior is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from latentlab.config import PriorConfig
from latentlab.models.posteriors.base import VariationalPosterior
from latentlab.models.seeded_noise import standard_normal

ImageShape = tuple[int, int, int]
Encode = Callable[[Tensor], VariationalPosterior]
"""From images [K, C, H, W] to q(z|x)."""


class Prior(nn.Module):
    """p(z) over ``latent_dim`` latents.

    A prior keeps no reference to the model it belongs to: what it needs of it is an argument of its methods
    (``encode``, from images to q(z|x)), so that a copy of a model is a copy of its prior too.

    Attributes
    ----------
    has_closed_form_rate
        Whether posteriors know their KL to it (N(0, I), or the uniform distribution for categories).
    """

    has_closed_form_rate = False
    _origin: Tensor

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.register_buffer("_origin", torch.zeros(()), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._origin.device

    def prepare(self, x: Tensor) -> None:
        """See some training images [B, C, H, W] before the first step."""

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z) for z [..., d], shape [...]; only a prior that depends on the encoder needs ``encode``."""
        raise NotImplementedError

    def sample(self, count: int, generator: torch.Generator | None = None, encode: Encode | None = None) -> Tensor:
        """Draw [count, d] latents; ``generator`` is a CPU one whatever the device, so that a seed means the same."""
        raise NotImplementedError

    def _normal(self, count: int, generator: torch.Generator | None) -> Tensor:
        return standard_normal(count, self.latent_dim, self.device, generator)

    def _choices(self, count: int, ends: int, generator: torch.Generator | None) -> Tensor:
        where = self.device if generator is None else torch.device("cpu")
        return torch.randint(ends, (count,), generator=generator, device=where).to(self.device)
