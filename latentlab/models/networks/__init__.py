"""Encoder and decoder networks, by the name of their architecture in the configuration.

An encoder maps images [B, C, H, W] to features [B, ``features``]; a decoder maps latents [B, D] to the parameters of
the likelihood, [B, C', H, W].
"""

from __future__ import annotations

from torch import nn

from latentlab.config import ArchitectureConfig
from latentlab.config.layout import Sizes
from latentlab.models.networks.attention import (
    AttentionDecoder,
    AttentionEncoder,
    attentive_downward,
    attentive_upward,
)
from latentlab.models.networks.base import Decoder, Encoder, ImageShape
from latentlab.models.networks.conv import ConvDecoder, ConvEncoder, downward, upward
from latentlab.models.networks.mlp import MLPDecoder, MLPEncoder

ENCODERS: dict[str, type[Encoder]] = {
    "mlp": MLPEncoder,
    "conv": ConvEncoder,
    "residual": ConvEncoder,
    "attention": AttentionEncoder,
}
DECODERS: dict[str, type[Decoder]] = {
    "mlp": MLPDecoder,
    "conv": ConvDecoder,
    "residual": ConvDecoder,
    "attention": AttentionDecoder,
}


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


def build_downward(config: ArchitectureConfig, inputs: int, sizes: Sizes) -> tuple[nn.Sequential, int]:
    """Convolutions from ``inputs`` channels down the pyramid ``sizes``, and their number of output channels."""
    return (attentive_downward if config.kind == "attention" else downward)(config, inputs, sizes)


def build_upward(config: ArchitectureConfig, outputs: int, sizes: Sizes) -> tuple[nn.Sequential, int]:
    """Convolutions up the pyramid ``sizes`` to ``outputs`` channels, and their number of input channels."""
    return (attentive_upward if config.kind == "attention" else upward)(config, outputs, sizes)


__all__ = [
    "DECODERS",
    "ENCODERS",
    "Decoder",
    "Encoder",
    "ImageShape",
    "build_decoder",
    "build_downward",
    "build_encoder",
    "build_upward",
]
