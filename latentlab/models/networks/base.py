"""Base classes of encoders and decoders."""

from __future__ import annotations

from torch import Tensor, nn

from latentlab.config import ArchitectureConfig

ImageShape = tuple[int, int, int]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
}


class Encoder(nn.Module):
    """A network from images [B, C, H, W] to features [B, ``features``]."""

    features: int

    def __init__(self, config: ArchitectureConfig, image_shape: ImageShape) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Compute the features."""
        raise NotImplementedError


class Decoder(nn.Module):
    """A network from latents [B, D] to the likelihood's parameters [B, C', H, W].

    Its first layer is affine in the latents, so that these can be shifted and scaled without changing an image.
    """

    def __init__(self, config: ArchitectureConfig, latents: int, image_shape: ImageShape) -> None:
        super().__init__()

    @property
    def first_layer(self) -> nn.Linear:
        """The affine layer that reads the latents."""
        raise NotImplementedError

    @property
    def last_layer(self) -> nn.Module:
        """The affine layer that gives the parameters."""
        raise NotImplementedError

    def forward(self, z: Tensor) -> Tensor:
        """Compute the parameters."""
        raise NotImplementedError
