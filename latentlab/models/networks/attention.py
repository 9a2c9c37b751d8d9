"""Normalised residual blocks with self-attention at the lowest sizes, for images of 64 to 256 pixels a side."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ArchitectureConfig
from latentlab.config.layout import Sizes
from latentlab.models.networks.conv import ConvDecoder, ConvEncoder, Upsample, channels, group_norm, strides


class NormalisedBlock(nn.Module):
    """x + conv(SiLU(norm(conv(SiLU(norm(x)))))), which begins as the identity.

    References
    ----------
    Ho, Jain & Abbeel 2020, Denoising Diffusion Probabilistic Models (arXiv:2006.11239), appendix B.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1)
        self.layers = nn.Sequential(
            group_norm(width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1), group_norm(width), nn.SiLU(), last
        )
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Add the residual."""
        residual: Tensor = self.layers(x)
        return x + residual


class SelfAttention(nn.Module):
    """x + what every position reads from all positions of the same map, which begins as the identity.

    Its work and memory grow with the square of the number of positions.

    Examples
    --------
    >>> SelfAttention(8)(torch.zeros(2, 8, 4, 5)).shape
    torch.Size([2, 8, 4, 5])

    References
    ----------
    Vaswani et al. 2017, Attention Is All You Need (arXiv:1706.03762); on maps of images: Zhang et al. 2019,
    Self-Attention Generative Adversarial Networks (arXiv:1805.08318).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = group_norm(width)
        self.inward = nn.Conv2d(width, 3 * width, 1)
        self.outward = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Attend over [B, C, h, w]."""
        count, width, height, across = x.shape
        # Not scaled_dot_product_attention: its fast form has no second derivative, which the Jacobian needs.
        query, key, value = self.inward(self.norm(x)).flatten(2).chunk(3, 1)
        shares = functional.softmax(torch.matmul(query.transpose(1, 2), key) / math.sqrt(width), -1)
        read = torch.matmul(value, shares.transpose(1, 2)).reshape(count, width, height, across)
        mixed: Tensor = self.outward(read)
        return x + mixed


def residual_blocks(config: ArchitectureConfig, width: int, size: tuple[int, int]) -> list[nn.Module]:
    """The blocks at one size of the pyramid, with self-attention where the configuration has it."""
    attends = config.kind == "attention" and max(size) <= config.attention
    return [NormalisedBlock(width), *([SelfAttention(width), NormalisedBlock(width)] if attends else [])]


def attentive_downward(config: ArchitectureConfig, inputs: int, sizes: Sizes) -> tuple[nn.Sequential, int]:
    """Layers from ``inputs`` channels down the pyramid ``sizes``, and their number of output channels."""
    widths = [inputs, *channels(config.width, len(sizes) - 1)]
    layers: list[nn.Module] = []
    for level in range(len(sizes) - 1):
        layers.append(nn.Conv2d(widths[level], widths[level + 1], 3, strides(sizes, level), padding=1))
        layers += residual_blocks(config, widths[level + 1], sizes[level + 1])
    if layers:  # an image of at most 4 pixels a side is passed on as it is
        layers += [group_norm(widths[-1]), nn.SiLU()]
    return nn.Sequential(*layers), widths[-1]


def attentive_upward(config: ArchitectureConfig, outputs: int, sizes: Sizes) -> tuple[nn.Sequential, int]:
    """Layers up the pyramid ``sizes`` to ``outputs`` channels, and their number of input channels."""
    widths = [outputs, *channels(config.width, len(sizes) - 1)]
    layers: list[nn.Module] = []
    for level in reversed(range(len(sizes) - 1)):
        layers += residual_blocks(config, widths[level + 1], sizes[level + 1])
        layers += [group_norm(widths[level + 1]), nn.SiLU()]
        layers.append(Upsample(widths[level + 1], widths[level], strides(sizes, level), sizes[level]))
    return nn.Sequential(*layers), widths[-1]


class AttentionEncoder(ConvEncoder):
    """Halves the sides above 4 with a strided convolution each, and flattens the last maps."""

    build_layers = staticmethod(attentive_downward)


class AttentionDecoder(ConvDecoder):
    """An affine map to the smallest level of the pyramid, then up to the image."""

    build_layers = staticmethod(attentive_upward)
