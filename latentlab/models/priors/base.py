"""Base class of the priors p(z)."""

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

    A prior keeps no reference to its model: what it needs of it is an argument of its methods (``encode``), so that
    copying a model copies its prior too.

    Attributes
    ----------
    has_closed_form_rate
        Whether the prior is the standard one of ``VariationalPosterior.kl_to_prior``.
    """

    has_closed_form_rate = False
    _origin: Tensor

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.register_buffer("_origin", torch.zeros(()), persistent=False)

    @property
    def device(self) -> torch.device:
        """Device of the prior's parameters and samples."""
        return self._origin.device

    def prepare(self, x: Tensor) -> None:
        """Initialise from training images [B, C, H, W], before the first step."""

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z) in nats for z [..., d], shape [...].

        Parameters
        ----------
        z
            [..., d].
        encode
            From images to q(z|x); needed only by a prior that depends on the encoder.
        """
        raise NotImplementedError

    def marginals(self, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """The density of each dimension by itself, as a mixture of K Gaussians of equal weight.

        Parameters
        ----------
        encode
            As for ``log_prob``.

        Returns
        -------
        means, log_stds
            [K, d] each.
        """
        raise NotImplementedError

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents.

        Parameters
        ----------
        count
            Number of latents.
        generator
            On the CPU, whatever the device, so that a seed gives the same latents everywhere.
        encode
            As for ``log_prob``.
        temperature
            Factor of the noise's standard deviation; uniform categories have none.
        """
        raise NotImplementedError

    def _normal(self, count: int, generator: torch.Generator | None) -> Tensor:
        return standard_normal(count, self.latent_dim, self.device, generator)

    def _choices(self, count: int, ends: int, generator: torch.Generator | None) -> Tensor:
        """``count`` integers in [0, ``ends``)."""
        device = self.device if generator is None else torch.device("cpu")
        return torch.randint(ends, (count,), generator=generator, device=device).to(self.device)
