"""Priors p(z), by kind."""

from __future__ import annotations

from latentlab.config import PriorConfig
from latentlab.models.priors.base import ImageShape, Prior
from latentlab.models.priors.categorical import CategoricalPrior
from latentlab.models.priors.flow import FlowPrior
from latentlab.models.priors.mixtures import MixturePrior, VampPrior
from latentlab.models.priors.standard import StandardPrior

PRIORS: dict[str, type[Prior]] = {
    "standard": StandardPrior,
    "mixture": MixturePrior,
    "vamp": VampPrior,
    "flow": FlowPrior,
    "categorical": CategoricalPrior,
}


def build_prior(config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> Prior:
    """The prior of that kind over ``latent_dim`` latents, of images of that shape."""
    return PRIORS[config.kind](config, latent_dim, image_shape)


__all__ = ["PRIORS", "CategoricalPrior", "Prior", "VampPrior", "build_prior"]
