"""Models and their probabilistic parts (torch, no Qt).

A model is one of the ``FAMILIES`` composed of parts: likelihood, posterior, prior, divergence, networks. Each kind of
part is a package with a base class and a registry from names in the configuration to classes. To add a likelihood,
write one file in ``likelihoods/`` and one line in ``likelihoods.LIKELIHOODS``, and name it in
``LikelihoodConfig.kind``; likewise for the other parts. Every part sums over pixels or latents; ``objective`` alone
takes the mean over the batch.
"""

from __future__ import annotations

from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.families.adversarial import VAEGAN, FactorVAE
from latentlab.models.families.clusters import ClusterVAE
from latentlab.models.families.evolved import EvolvedBinaryVAE
from latentlab.models.families.hierarchical import HierarchicalVAE
from latentlab.models.families.ladder import LadderVAE
from latentlab.models.families.per_datapoint import PerDatapointVAE
from latentlab.models.families.residual_vq import ResidualVQVAE
from latentlab.models.families.semi_supervised import SemiSupervisedVAE
from latentlab.models.families.vae import VAE
from latentlab.models.families.vq import VQVAE
from latentlab.models.families.wake_sleep import HelmholtzMachine

FAMILIES: dict[str, type[LatentModel]] = {
    "vae": VAE,
    "factor": FactorVAE,
    "vae-gan": VAEGAN,
    "vq": VQVAE,
    "ladder": LadderVAE,
    "hierarchical": HierarchicalVAE,
    "wake-sleep": HelmholtzMachine,
    "semi-supervised": SemiSupervisedVAE,
    "evolved": EvolvedBinaryVAE,
}


def build(config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> LatentModel:
    """Build the model that ``config`` describes, with new weights.

    Parameters
    ----------
    config
        Family, parts and their settings.
    image_shape
        (C, H, W).
    classes
        Number of the dataset's classes; 0 for none.

    Raises
    ------
    InputError
        When the configuration is conditional and there are fewer than two classes, or is that of a model of another
        program.

    Examples
    --------
    >>> import torch
    >>> model = build(ModelConfig(latent_dim=3), image_shape=(1, 8, 8))
    >>> losses = model.losses("model", Batch(torch.rand(5, 1, 8, 8)), StepState())
    >>> sorted(losses.terms)
    ['distortion', 'elbo', 'rate']
    """
    if config.family == "foreign":
        raise InputError("a model of another program cannot be built or trained from its settings")
    kind = FAMILIES[config.family]
    if config.family == "vae" and config.posterior.refine > 0:
        kind = PerDatapointVAE
    if config.family == "vae" and config.prior.kind == "clusters":
        kind = ClusterVAE
    if config.family == "vq" and config.codebook.kind == "residual":
        kind = ResidualVQVAE
    return kind(config, image_shape, classes)


__all__ = ["VAE", "VQVAE", "Batch", "Bound", "LatentModel", "Losses", "PerDatapointVAE", "StepState", "build"]
