"""Approximate posteriors q(z|x), by kind."""

from __future__ import annotations

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior
from latentlab.models.posteriors.cholesky import CholeskyPosterior
from latentlab.models.posteriors.concrete import ConcretePosterior
from latentlab.models.posteriors.delta import DeltaPosterior
from latentlab.models.posteriors.diagonal import DiagonalPosterior
from latentlab.models.posteriors.flows import IAFPosterior, PlanarPosterior

POSTERIORS: dict[str, type[Posterior]] = {
    "diagonal": DiagonalPosterior,
    "cholesky": CholeskyPosterior,
    "iaf": IAFPosterior,
    "planar": PlanarPosterior,
    "concrete": ConcretePosterior,
    "delta": DeltaPosterior,
}


def build_posterior(config: PosteriorConfig, features: int, latent_dim: int) -> Posterior:
    """The posterior of that kind over ``latent_dim`` latents, from ``features`` numbers per image."""
    return POSTERIORS[config.kind](config, features, latent_dim)


__all__ = ["POSTERIORS", "Posterior", "PosteriorSample", "VariationalPosterior", "build_posterior"]
