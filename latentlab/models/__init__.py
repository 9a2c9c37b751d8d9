"""Networks and the probabilistic parts (torch)."""

from __future__ import annotations

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.families.adversarial import VAEGAN, FactorVAE
from latentlab.models.families.ladder import LadderVAE
from latentlab.models.families.per_datapoint import PerDatapointVAE
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
    "wake-sleep": HelmholtzMachine,
    "semi-supervised": SemiSupervisedVAE,
}


def build(config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> LatentModel:
    """Build the model that ``config`` describes, with new weights.

    Parameters
    ----------
    config
        The parts and their settings.
    image_shape
        (C, H, W).
    classes
        Number of the data's classes; 0 when it has none.

    Raises
    ------
    InputError
        When a conditional model is asked for and there are no classes.
    """
    own_q = config.family == "vae" and config.posterior.refine > 0
    return (PerDatapointVAE if own_q else FAMILIES[config.family])(config, image_shape, classes)


__all__ = ["VAE", "VQVAE", "Batch", "Bound", "LatentModel", "Losses", "PerDatapointVAE", "StepState", "build"]
