"""Priors p(z), by kind."""

from __future__ import annotations

from latentlab.config import PriorConfig
from latentlab.models.priors.base import Prior
from latentlab.models.priors.standard import StandardPrior

PRIORS: dict[str, type[Prior]] = {"standard": StandardPrior}


def build_prior(config: PriorConfig, latent_dim: int) -> Prior:
    """The prior of that kind over ``latent_dim`` latents."""
    return PRIORS[config.kind](config, latent_dim)


__all__ = ["PRIORS", "Prior", "build_prior"]
