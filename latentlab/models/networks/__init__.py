"""Encoder and decoder networks, by architecture.

An encoder maps images [B, C, H, W] to features [B, ``features``]; a decoder maps latents [B, D] to what the
likelihood reads, [B, C', H, W].
"""

from __future__ import annotations

from latentlab.config import ArchitectureConfig
from latentlab.models.networks.base import Decoder, Encoder, ImageShape
from latentlab.models.networks.conv import ConvDecoder, ConvEncoder
from latentlab.models.networks.mlp import MLPDecoder, MLPEncoder

ENCODERS: dict[str, type[Encoder]] = {"mlp": MLPEncoder, "conv": ConvEncoder, "residual": ConvEncoder}
DECODERS: dict[str, type[Decoder]] = {"mlp": MLPDecoder, "conv": ConvDecoder, "residual": ConvDecoder}


def build_encoder(config: ArchitectureConfig, image_shape: ImageShape) -> Encoder:
    """The encoder of that architecture for images of shape (C, H, W)."""
    return ENCODERS[config.kind](config, image_shape)


def build_decoder(config: ArchitectureConfig, latents: int, image_shape: ImageShape) -> Decoder:
    """The decoder of that architecture from ``latents`` numbers to shape (C', H, W)."""
    return DECODERS[config.kind](config, latents, image_shape)


__all__ = ["DECODERS", "ENCODERS", "Decoder", "Encoder", "ImageShape", "build_decoder", "build_encoder"]
