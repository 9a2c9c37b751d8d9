"""Fully connected networks (one hidden layer of 500 units in Kingma & Welling 2014)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from latentlab.config import ArchitectureConfig
from latentlab.models.networks.base import ACTIVATIONS, Decoder, Encoder, ImageShape


def _hidden_layers(config: ArchitectureConfig, inputs: int) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = []
    for _ in range(config.layers):
        layers += [nn.Linear(inputs, config.hidden), ACTIVATIONS[config.activation]()]
        inputs = config.hidden
    return nn.Sequential(*layers), inputs


class MLPEncoder(Encoder):
    """Hidden layers over the pixels; without any, the features are the pixels."""

    def __init__(self, config: ArchitectureConfig, image_shape: ImageShape) -> None:
        super().__init__(config, image_shape)
        self.layers, self.features = _hidden_layers(config, math.prod(image_shape))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features."""
        features: Tensor = self.layers(x.flatten(1))
        return features


class MLPDecoder(Decoder):
    """Hidden layers over the latents, then an affine map to every parameter of every pixel."""

    def __init__(self, config: ArchitectureConfig, latents: int, image_shape: ImageShape) -> None:
        super().__init__(config, latents, image_shape)
        self.image_shape = image_shape
        self.layers, features = _hidden_layers(config, latents)
        self.pixels = nn.Linear(features, math.prod(image_shape))

    @property
    def first_layer(self) -> nn.Linear:
        """The first hidden layer, or the affine map to the pixels if there is none."""
        first = self.layers[0] if len(self.layers) else self.pixels
        assert isinstance(first, nn.Linear)
        return first

    @property
    def last_layer(self) -> nn.Module:
        """The affine map to the pixels."""
        return self.pixels

    def forward(self, z: Tensor) -> Tensor:
        """Compute the likelihood's parameters."""
        pixels: Tensor = self.pixels(self.layers(z))
        # Not len(z), which an exported graph would take for a constant.
        return pixels.view(z.shape[0], *self.image_shape)
