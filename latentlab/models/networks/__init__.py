"""Encoder and decoder networks, by the name of their architecture in the configuration.

An encoder maps images [B, C, H, W] to features [B, ``features``]; a decoder maps latents [B, D] to the parameters of
the likelihood, [B, C', H, W].
"""

from __future__ import annotations

from latentlab.config import ArchitectureConfig
from latentlab.models.networks.base import Decoder, Encoder, ImageShape
from latentlab.models.networks.conv import ConvDecoder, ConvEncoder
from latentlab.models.networks.mlp import MLPDecoder, MLPEncoder

ENCODERS: dict[str, type[Encoder]] = {"mlp": MLPEncoder, "conv": ConvEncoder, "residual": ConvEncoder}
DECODERS: dict[str, type[Decoder]] = {"mlp": MLPDecoder, "conv": ConvDecoder, "residual": ConvDecoder}


def build_encoder(config: ArchitectureConfig, image_shape: ImageShape) -> Encoder:
    """The encoder of ``config.kind`` for images of shape (C, H, W).

    Examples
    --------
    >>> import torch
    >>> encoder = build_encoder(ArchitectureConfig(kind="mlp", hidden=32), (1, 28, 28))
    >>> encoder(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 32])
    """
    return ENCODERS[config.kind](config, image_shape)


def build_decoder(config: ArchitectureConfig, latents: int, image_shape: ImageShape) -> Decoder:
    """The decoder of ``config.kind`` from ``latents`` numbers to shape (C', H, W).

    Examples
    --------
    >>> import torch
    >>> decoder = build_decoder(ArchitectureConfig(kind="conv", width=4), 2, (3, 20, 28))
    >>> decoder(torch.zeros(5, 2)).shape
    torch.Size([5, 3, 20, 28])
    """
    return DECODERS[config.kind](config, latents, image_shape)


__all__ = ["DECODERS", "ENCODERS", "Decoder", "Encoder", "ImageShape", "build_decoder", "build_encoder"]
