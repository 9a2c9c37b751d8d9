"""What every divergence between the latents of a batch and the prior is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from latentlab.config import DivergenceConfig
from latentlab.models.posteriors.base import VariationalPosterior


@dataclass(frozen=True)
class Latents:
    """What a divergence may look at.

    Attributes
    ----------
    z
        One latent per image of the whole batch, [B, d].
    q
        The posteriors they were drawn from, of this process's share of the batch.
    sample_prior
        Draws [n, d] latents from the prior, which they are compared with.
    images
        Size of the training set.
    """

    z: Tensor
    q: VariationalPosterior
    sample_prior: Callable[[int], Tensor]
    images: int


class Divergence:
    """A scalar of a batch of latents that is to be small."""

    def __init__(self, config: DivergenceConfig) -> None:
        self.config = config

    def __call__(self, latents: Latents) -> Tensor:
        """Compute it, not yet weighted by λ."""
        raise NotImplementedError
