"""The networks of diffusers' ``AutoencoderKL``; the names of their weights are diffusers' own."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import ModelConfig
from latentlab.config.autoencoder import AutoencoderKLConfig
from latentlab.models.autoencoders.base import Autoencoder, activation

_EPSILON = 1e-6
_LOG_VARIANCE_RANGE = (-30.0, 20.0)


class AutoencoderKL(Autoencoder):
    """The autoencoder of latent diffusion models: a diagonal Gaussian for every cell of a grid.

    Parameters
    ----------
    config, image_shape
        As for every model.
    autoencoder
        Its settings.

    Examples
    --------
    >>> from latentlab.models.base import Batch
    >>> settings = AutoencoderKLConfig(block_out_channels=(32,), latent_channels=2)
    >>> config = ModelConfig(family="foreign", latent_shape=(2, 8, 8))
    >>> mean, std = AutoencoderKL(config, (3, 8, 8), settings).encode(Batch(torch.rand(5, 3, 8, 8)))
    >>> mean.shape
    torch.Size([5, 128])

    References
    ----------
    Rombach et al. 2022, High-Resolution Image Synthesis with Latent Diffusion Models (arXiv:2112.10752).
    """

    def __init__(
        self, config: ModelConfig, image_shape: tuple[int, int, int], autoencoder: AutoencoderKLConfig
    ) -> None:
        super().__init__(config, image_shape, autoencoder)
        latents = autoencoder.latent_channels
        self.encoder = _Encoder(autoencoder)
        self.decoder = _Decoder(autoencoder)
        self.quant_conv = nn.Conv2d(2 * latents, 2 * latents, 1) if autoencoder.use_quant_conv else nn.Identity()
        self.post_quant_conv = nn.Conv2d(latents, latents, 1) if autoencoder.use_post_quant_conv else nn.Identity()

    def encode_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, [B, C, h, w] each, of images in [−1, 1]."""
        mean, log_variance = self.quant_conv(self.encoder(images)).chunk(2, dim=1)
        return mean, torch.exp(0.5 * log_variance.clamp(*_LOG_VARIANCE_RANGE))

    def decode_maps(self, maps: Tensor) -> Tensor:
        """Images, [−1, 1] where they are in range, of latents [B, C, h, w]."""
        images: Tensor = self.decoder(self.post_quant_conv(maps))
        return images


class _Residual(nn.Module):
    def __init__(self, config: AutoencoderKLConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        groups = config.norm_num_groups
        self.norm1 = nn.GroupNorm(groups, inputs, _EPSILON)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, _EPSILON)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.activation = activation(config.act_fn)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(self.activation(self.norm1(x)))
        sum_of_both: Tensor = self.conv_shortcut(x) + self.conv2(self.activation(self.norm2(hidden)))
        return sum_of_both


class _Attention(nn.Module):
    """Self-attention over all cells, with one head; written out, so that it has forward-mode derivatives."""

    def __init__(self, config: AutoencoderKLConfig, channels: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(config.norm_num_groups, channels, _EPSILON)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        cells = self.group_norm(x).flatten(2).transpose(1, 2)
        scores = self.to_q(cells) @ self.to_k(cells).transpose(1, 2) / math.sqrt(cells.shape[-1])
        mixed = self.to_out[0](scores.softmax(-1) @ self.to_v(cells))
        attended: Tensor = x + mixed.transpose(1, 2).reshape(x.shape)
        return attended


class _Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return halved


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


class _Block(nn.Module):
    """Residual blocks of one size, and the change to the next one if there is one."""

    def __init__(self, config: AutoencoderKLConfig, inputs: int, outputs: int, layers: int, resample: str = "") -> None:
        super().__init__()
        self.resnets = nn.ModuleList(
            _Residual(config, outputs if number else inputs, outputs) for number in range(layers)
        )
        self.resample = resample
        if resample == "down":
            self.downsamplers = nn.ModuleList([_Downsample(outputs)])
        elif resample == "up":
            self.upsamplers = nn.ModuleList([_Upsample(outputs)])

    def forward(self, x: Tensor) -> Tensor:
        for residual in self.resnets:
            x = residual(x)
        if self.resample:
            changed: Tensor = (self.downsamplers if self.resample == "down" else self.upsamplers)[0](x)
            return changed
        return x


class _Middle(nn.Module):
    def __init__(self, config: AutoencoderKLConfig, channels: int) -> None:
        super().__init__()
        count = 1 if config.mid_block_add_attention else 0
        self.attentions = nn.ModuleList(_Attention(config, channels) for _ in range(count))
        self.resnets = nn.ModuleList(_Residual(config, channels, channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.resnets[0](x)
        for attention in self.attentions:
            x = attention(x)
        mixed: Tensor = self.resnets[1](x)
        return mixed


class _Encoder(nn.Module):
    def __init__(self, config: AutoencoderKLConfig) -> None:
        super().__init__()
        blocks = config.block_out_channels
        inputs = (blocks[0], *blocks[:-1])
        self.conv_in = nn.Conv2d(config.in_channels, blocks[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            _Block(config, *sizes, config.layers_per_block, "down" if number < len(blocks) else "")
            for number, sizes in enumerate(zip(inputs, blocks, strict=True), 1)
        )
        self.mid_block = _Middle(config, blocks[-1])
        self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, blocks[-1], _EPSILON)
        self.conv_out = nn.Conv2d(blocks[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        features: Tensor = self.conv_out(functional.silu(self.conv_norm_out(self.mid_block(x))))
        return features


class _Decoder(nn.Module):
    def __init__(self, config: AutoencoderKLConfig) -> None:
        super().__init__()
        blocks = config.block_out_channels[::-1]
        inputs = (blocks[0], *blocks[:-1])
        self.conv_in = nn.Conv2d(config.latent_channels, blocks[0], 3, padding=1)
        self.mid_block = _Middle(config, blocks[0])
        self.up_blocks = nn.ModuleList(
            _Block(config, *sizes, config.layers_per_block + 1, "up" if number < len(blocks) else "")
            for number, sizes in enumerate(zip(inputs, blocks, strict=True), 1)
        )
        self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, blocks[-1], _EPSILON)
        self.conv_out = nn.Conv2d(blocks[-1], config.out_channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        images: Tensor = self.conv_out(functional.silu(self.conv_norm_out(x)))
        return images
