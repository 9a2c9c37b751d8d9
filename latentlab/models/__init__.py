"""Networks and the probabilistic parts (torch)."""

from __future__ import annotations

from latentlab.config import ModelConfig
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.vae import VAE


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
    """
    return VAE(config, image_shape, classes)


__all__ = ["VAE", "Batch", "Bound", "LatentModel", "Losses", "StepState", "build"]
