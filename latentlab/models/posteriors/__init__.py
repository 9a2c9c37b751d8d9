"""Approximate posteriors q(z|x), by the name of their kind in the configuration."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior
from latentlab.models.posteriors.cholesky import Cholesky, CholeskyPosterior
from latentlab.models.posteriors.concrete import ConcretePosterior
from latentlab.models.posteriors.delta import Delta, DeltaPosterior
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior
from latentlab.models.posteriors.flows import IAFPosterior, PlanarPosterior
from latentlab.models.posteriors.von_mises_fisher import VonMisesFisherPosterior

POSTERIORS: dict[str, type[Posterior]] = {
    "diagonal": DiagonalPosterior,
    "cholesky": CholeskyPosterior,
    "iaf": IAFPosterior,
    "planar": PlanarPosterior,
    "concrete": ConcretePosterior,
    "von-mises-fisher": VonMisesFisherPosterior,
    "delta": DeltaPosterior,
}


def build_posterior(config: PosteriorConfig, features: int, latent_dim: int) -> Posterior:
    """The posterior head of ``config.kind`` over ``latent_dim`` latents, from ``features`` numbers per image.

    Examples
    --------
    >>> import torch
    >>> head = build_posterior(PosteriorConfig(kind="diagonal"), features=16, latent_dim=2)
    >>> head(torch.zeros(5, 16)).mean.shape
    torch.Size([5, 2])
    """
    return POSTERIORS[config.kind](config, features, latent_dim)


def _standard_cholesky(zeros: Tensor) -> Cholesky:
    size = zeros.shape[1]
    return Cholesky(zeros, zeros, zeros.new_zeros(len(zeros), size * (size - 1) // 2))


STANDARD: dict[str, Callable[[Tensor], VariationalPosterior]] = {
    "diagonal": lambda zeros: Diagonal(zeros, zeros),
    "cholesky": _standard_cholesky,
    "delta": Delta,
}


def standard_posterior(kind: str, like: Tensor, latent_dim: int) -> VariationalPosterior:
    """N(0, I), or the point 0, for each of ``len(like)`` images: the start of a search without an encoder."""
    return STANDARD[kind](like.new_zeros(len(like), latent_dim))


__all__ = [
    "POSTERIORS",
    "Posterior",
    "PosteriorSample",
    "VariationalPosterior",
    "build_posterior",
    "standard_posterior",
]
