"""The networks of diffusers' ``AutoencoderTiny``; the names of their weights are diffusers' own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.autoencoder import AutoencoderTinyConfig
from latentlab.models.autoencoders.base import Autoencoder, activation

_LARGEST = 3.0  # of a latent that the decoder reads: beyond it saturates


class AutoencoderTiny(Autoencoder):
    """A small autoencoder for the latents of a large one: points without a posterior.

    Parameters
    ----------
    config, image_shape
        As for every model.
    autoencoder
        Its settings.

    References
    ----------
    Bohan 2023, Tiny AutoEncoder for Stable Diffusion (https://github.com/madebyollin/taesd).
    """

    def __init__(
        self, config: ModelConfig, image_shape: tuple[int, int, int], autoencoder: AutoencoderTinyConfig
    ) -> None:
        super().__init__(config, image_shape, autoencoder)
        self.encoder = _Layers(_encoder_layers(autoencoder))
        self.decoder = _Layers(_decoder_layers(autoencoder))

    def encode_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The latents and zeros, [B, C, h, w] each, of images in [−1, 1]."""
        mean = self.encoder((images + 1) / 2)
        return mean, torch.zeros_like(mean)

    def decode_maps(self, maps: Tensor) -> Tensor:
        """Images, [−1, 1] where they are in range, of latents [B, C, h, w]."""
        images: Tensor = self.decoder(_LARGEST * torch.tanh(maps / _LARGEST))
        return 2 * images - 1


class _Layers(nn.Module):
    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.layers(x)
        return outputs


class _Block(nn.Module):
    def __init__(self, channels: int, act_fn: str) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            activation(act_fn),
            nn.Conv2d(channels, channels, 3, padding=1),
            activation(act_fn),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x) + x)


def _encoder_layers(config: AutoencoderTinyConfig) -> list[nn.Module]:
    channels = config.encoder_block_out_channels[0]
    layers: list[nn.Module] = []
    for stage, blocks in enumerate(config.num_encoder_blocks):
        first = stage == 0
        inputs, stride = (config.in_channels, 1) if first else (channels, 2)
        layers.append(nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=first))
        layers += [_Block(channels, config.act_fn) for _ in range(blocks)]
    return [*layers, nn.Conv2d(channels, config.latent_channels, 3, padding=1)]


def _decoder_layers(config: AutoencoderTinyConfig) -> list[nn.Module]:
    channels, last = config.decoder_block_out_channels[0], len(config.num_decoder_blocks) - 1
    layers: list[nn.Module] = [nn.Conv2d(config.latent_channels, channels, 3, padding=1), activation(config.act_fn)]
    for stage, blocks in enumerate(config.num_decoder_blocks):
        layers += [_Block(channels, config.act_fn) for _ in range(blocks)]
        if stage < last:
            layers.append(nn.Upsample(scale_factor=float(config.upsampling_scaling_factor)))
        outputs = config.out_channels if stage == last else channels
        layers.append(nn.Conv2d(channels, outputs, 3, padding=1, bias=stage == last))
    return layers
