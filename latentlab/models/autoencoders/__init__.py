"""Autoencoders of diffusers, built from their settings; diffusers itself is not needed."""

from __future__ import annotations

from latentlab.config import ModelConfig
from latentlab.config.autoencoder import AutoencoderKLConfig, AutoencoderTinyConfig
from latentlab.models.autoencoders.base import Autoencoder
from latentlab.models.autoencoders.kl import AutoencoderKL
from latentlab.models.autoencoders.tiny import AutoencoderTiny


def build_autoencoder(
    config: ModelConfig, image_shape: tuple[int, int, int], autoencoder: AutoencoderKLConfig | AutoencoderTinyConfig
) -> Autoencoder:
    """Build the autoencoder of these settings, with new weights."""
    if isinstance(autoencoder, AutoencoderKLConfig):
        return AutoencoderKL(config, image_shape, autoencoder)
    return AutoencoderTiny(config, image_shape, autoencoder)


__all__ = ["Autoencoder", "AutoencoderKL", "AutoencoderTiny", "build_autoencoder"]
