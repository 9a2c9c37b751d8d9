"""Autoencoders of diffusers that are built here: their settings, as their ``config.json`` has them."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from latentlab.config.base import Config
from latentlab.errors import InputError

MOST_LATENTS = 65_536
"""Numbers of a spatial latent: 4 × 128 × 128."""

MOST_CELLS = 16_384
"""Of a latent's grid: attention takes memory for each pair of cells, 1 GB for these."""

LARGEST_DEFAULT = 256
"""Side in pixels that an autoencoder is opened with at most: one decode of a large one at 512 takes tens of seconds."""

LARGEST_SIDE = 2048

Count = Annotated[int, Field(ge=1, le=4096)]
Blocks = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=8)]
Layers = Annotated[tuple[Annotated[int, Field(ge=0, le=32)], ...], Field(min_length=1, max_length=8)]
Colours = Annotated[int, Field(ge=1, le=4)]
Factor = Annotated[float, Field(ge=-1e6, le=1e6)]
Scale = Annotated[float, Field(ge=1e-6, le=1e6)]
Channels = Annotated[int, Field(ge=1, le=256)]
Activation = Literal["silu", "swish", "relu", "gelu", "mish"]

_SAME_COLOURS = "in_channels and out_channels: an autoencoder gives back as many channels as it takes"


class AutoencoderKLConfig(Config):
    """The settings of diffusers' ``AutoencoderKL``, with its defaults.

    Latents are those of pipelines: ``(z − shift_factor) · scaling_factor``, or, where each channel has a mean and a
    standard deviation, ``(z − latents_mean) · scaling_factor / latents_std``.

    References
    ----------
    Rombach et al. 2022, High-Resolution Image Synthesis with Latent Diffusion Models (arXiv:2112.10752).
    """

    kind: Literal["AutoencoderKL"] = "AutoencoderKL"
    in_channels: Colours = 3
    out_channels: Colours = 3
    down_block_types: Annotated[tuple[Literal["DownEncoderBlock2D"], ...], Field(max_length=8)] = (
        "DownEncoderBlock2D",
    )
    up_block_types: Annotated[tuple[Literal["UpDecoderBlock2D"], ...], Field(max_length=8)] = ("UpDecoderBlock2D",)
    block_out_channels: Blocks = (64,)
    layers_per_block: Annotated[int, Field(ge=1, le=32)] = 1
    act_fn: Activation = "silu"
    latent_channels: Channels = 4
    norm_num_groups: Count = 32
    sample_size: Count | tuple[Count, Count] = 32
    scaling_factor: Scale = 0.18215
    shift_factor: Factor | None = None
    latents_mean: tuple[Factor, ...] | None = None
    latents_std: tuple[Scale, ...] | None = None
    force_upcast: bool = True
    use_quant_conv: bool = True
    use_post_quant_conv: bool = True
    mid_block_add_attention: bool = True

    @model_validator(mode="after")
    def _check(self) -> AutoencoderKLConfig:
        blocks, groups = self.block_out_channels, self.norm_num_groups
        if self.in_channels != self.out_channels:
            raise InputError(_SAME_COLOURS)
        for name in ("down_block_types", "up_block_types"):
            if len(getattr(self, name)) != len(blocks):
                raise InputError(f"{name}: it must have as many entries as block_out_channels ({len(blocks)})")
        wrong = next((channels for channels in blocks if channels % groups), None)
        if wrong is not None:
            raise InputError(f"norm_num_groups: {wrong} channels cannot be divided into {groups} groups")
        for name in ("latents_mean", "latents_std"):
            values = getattr(self, name)
            if values is not None and len(values) != self.latent_channels:
                raise InputError(f"{name}: it must have as many numbers as latent_channels ({self.latent_channels})")
        if (self.latents_mean is None) != (self.latents_std is None):
            raise InputError("latents_mean and latents_std go together: set both or neither")
        return self

    @property
    def factor(self) -> int:
        """Pixels along a side for one cell of the latent."""
        return int(2 ** (len(self.block_out_channels) - 1))

    @property
    def own_size(self) -> tuple[int, int]:
        """(H, W) that its settings name."""
        size = self.sample_size
        return (size, size) if isinstance(size, int) else size

    @property
    def shift_and_scale(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What is taken from each channel of the latents, and then multiplied with it."""
        shift, scale = self.shift_factor or 0.0, self.scaling_factor
        if self.latents_mean is None or self.latents_std is None:
            return (shift,) * self.latent_channels, (scale,) * self.latent_channels
        return self.latents_mean, tuple(scale / std for std in self.latents_std)

    @property
    def widest(self) -> int:
        """Channels of its widest map at the image's size, for planning memory."""
        return max(self.block_out_channels[:2])


class AutoencoderTinyConfig(Config):
    """The settings of diffusers' ``AutoencoderTiny``, with its defaults: a small autoencoder without a posterior.

    References
    ----------
    Bohan 2023, Tiny AutoEncoder for Stable Diffusion (https://github.com/madebyollin/taesd).
    """

    kind: Literal["AutoencoderTiny"] = "AutoencoderTiny"
    in_channels: Colours = 3
    out_channels: Colours = 3
    encoder_block_out_channels: Blocks = (64, 64, 64, 64)
    decoder_block_out_channels: Blocks = (64, 64, 64, 64)
    block_out_channels: Blocks | None = None
    act_fn: Activation = "relu"
    upsample_fn: Literal["nearest"] = "nearest"
    latent_channels: Channels = 4
    upsampling_scaling_factor: Annotated[int, Field(ge=1, le=8)] = 2
    num_encoder_blocks: Layers = (1, 3, 3, 3)
    num_decoder_blocks: Layers = (3, 3, 3, 1)
    latent_magnitude: Factor = 3
    latent_shift: Factor = 0.5
    force_upcast: bool = False
    scaling_factor: Scale = 1.0
    shift_factor: Factor = 0.0

    @model_validator(mode="after")
    def _check(self) -> AutoencoderTinyConfig:
        if self.in_channels != self.out_channels:
            raise InputError(_SAME_COLOURS)
        for side in ("encoder", "decoder"):
            channels, count = getattr(self, f"{side}_block_out_channels"), getattr(self, f"num_{side}_blocks")
            if len(channels) != len(count):
                raise InputError(f"num_{side}_blocks: it must have as many entries as {side}_block_out_channels")
            if len(set(channels)) > 1:
                raise InputError(f"{side}_block_out_channels: all must be the same, as its stages follow each other")
        grown = self.upsampling_scaling_factor ** (len(self.num_decoder_blocks) - 1)
        if grown != self.factor:
            raise InputError(
                f"num_decoder_blocks: the decoder enlarges {grown} times, and the encoder reduces {self.factor} times"
            )
        return self

    @property
    def factor(self) -> int:
        """Pixels along a side for one cell of the latent."""
        return int(2 ** (len(self.num_encoder_blocks) - 1))

    @property
    def own_size(self) -> tuple[int, int] | None:
        """(H, W) that its settings name: none."""
        return None

    @property
    def shift_and_scale(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What is taken from each channel of the latents, and then multiplied with it."""
        return (self.shift_factor,) * self.latent_channels, (self.scaling_factor,) * self.latent_channels

    @property
    def widest(self) -> int:
        """Channels of its widest map at the image's size, for planning memory."""
        return max(self.encoder_block_out_channels[0], self.decoder_block_out_channels[-1])


AutoencoderConfig: TypeAlias = Annotated[AutoencoderKLConfig | AutoencoderTinyConfig, Field(discriminator="kind")]
AUTOENCODERS: dict[str, type[AutoencoderKLConfig] | type[AutoencoderTinyConfig]] = {
    "AutoencoderKL": AutoencoderKLConfig,
    "AutoencoderTiny": AutoencoderTinyConfig,
}
"""By the name of their class in ``config.json``."""


def image_size_of(config: AutoencoderKLConfig | AutoencoderTinyConfig, size: int | None = None) -> tuple[int, int]:
    """(H, W) of the images that an autoencoder is opened for; its networks take any multiple of ``factor``.

    Parameters
    ----------
    config
        Its settings.
    size
        The side of square images; by default the settings' own size, up to ``LARGEST_DEFAULT``.

    Raises
    ------
    InputError
        When ``size`` is no multiple of the factor, or its latents are too many.
    """
    factor = config.factor
    if size is None:
        own = config.own_size or (LARGEST_DEFAULT, LARGEST_DEFAULT)
        shrunk = min(1.0, LARGEST_DEFAULT / max(own))
        most = math.isqrt(min(MOST_CELLS, MOST_LATENTS // config.latent_channels))
        height, width = (max(1, min(most, int(side * shrunk) // factor)) * factor for side in own)
        return height, width
    if size < 1 or size > LARGEST_SIDE or size % factor:
        raise InputError(f"--image-size must be a multiple of {factor} up to {LARGEST_SIDE:,} for this model")
    check_latent_shape(latent_shape_of(config, size, size))
    return size, size


def check_latent_shape(shape: tuple[int, int, int]) -> None:
    """Refuse latents (C, h, w) that are too large to be shown.

    Raises
    ------
    InputError
        With both numbers.
    """
    cells, count = shape[1] * shape[2], math.prod(shape)
    if cells > MOST_CELLS or count > MOST_LATENTS:
        raise InputError(
            f"latents of {' × '.join(map(str, shape))} numbers are too large: at most {MOST_LATENTS:,} in "
            f"{MOST_CELLS:,} cells"
        )


def latent_shape_of(
    config: AutoencoderKLConfig | AutoencoderTinyConfig, height: int, width: int
) -> tuple[int, int, int]:
    """(C, h, w) of the latents of images of a size."""
    return config.latent_channels, height // config.factor, width // config.factor
