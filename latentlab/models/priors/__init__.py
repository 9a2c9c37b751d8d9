"""Priors p(z), by the name of their kind in the configuration."""

from __future__ import annotations

from latentlab.config import PriorConfig
from latentlab.models.priors.base import ImageShape, Prior
from latentlab.models.priors.categorical import CategoricalPrior
from latentlab.models.priors.flow import FlowPrior
from latentlab.models.priors.mixtures import ClusterPrior, MixturePrior, VampPrior
from latentlab.models.priors.sphere import SpherePrior
from latentlab.models.priors.standard import StandardPrior

PRIORS: dict[str, type[Prior]] = {
    "standard": StandardPrior,
    "mixture": MixturePrior,
    "clusters": ClusterPrior,
    "vamp": VampPrior,
    "flow": FlowPrior,
    "categorical": CategoricalPrior,
    "sphere": SpherePrior,
}


def build_prior(config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> Prior:
    """The prior of ``config.kind`` over ``latent_dim`` latents of images of shape (C, H, W).

    Examples
    --------
    >>> build_prior(PriorConfig(kind="mixture"), 2, (1, 28, 28)).sample(10).shape
    torch.Size([10, 2])
    """
    return PRIORS[config.kind](config, latent_dim, image_shape)


__all__ = ["PRIORS", "CategoricalPrior", "ClusterPrior", "Prior", "VampPrior", "build_prior"]
