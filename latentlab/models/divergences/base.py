"""Base class of the divergences between a batch of latents and the prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from latentlab.config import DivergenceConfig
from latentlab.models.posteriors.base import VariationalPosterior


@dataclass(frozen=True)
class Latents:
    """What a divergence is computed from.

    Attributes
    ----------
    z
        One latent per image of the whole batch, [B, d], with all processes' shares.
    q
        The posteriors they were drawn from, for this process's share of the batch.
    sample_prior
        Draws [n, d] latents from the prior.
    images
        Size of the training set.
    """

    z: Tensor
    q: VariationalPosterior
    sample_prior: Callable[[int], Tensor]
    images: int


class Divergence:
    """A scalar of a batch of latents, to be minimised."""

    def __init__(self, config: DivergenceConfig) -> None:
        self.config = config

    def __call__(self, latents: Latents) -> Tensor:
        """The divergence, without its weight λ."""
        raise NotImplementedError
