"""What the autoencoders of diffusers have in common: maps as latents, and images from −1 to 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.autoencoder import AutoencoderKLConfig, AutoencoderTinyConfig, latent_shape_of
from latentlab.config.capabilities import OF_AUTOENCODERS
from latentlab.errors import InputError
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState

_MEMORY = 512 << 20  # bytes of maps in one pass
_MAPS = 4  # of the image's size that are held at a time

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "swish": nn.SiLU,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
}


def activation(name: str) -> nn.Module:
    """An activation function by diffusers' name."""
    return _ACTIVATIONS[name]()


class Autoencoder(LatentModel):
    """An autoencoder whose latents are maps [C, h, w]; z is such a map as a vector, as pipelines scale it.

    Its likelihood is not known, and its latents do not follow the standard normal distribution: the weight of the rate
    in its training is near 0.

    Attributes
    ----------
    latent_shape
        (C, h, w) of one latent.
    capabilities
        It can encode; neither its likelihood nor its prior is known.
    images_at_once
        Images in one pass through the networks, so that their maps take at most half a gigabyte.
    """

    capabilities = OF_AUTOENCODERS

    def __init__(
        self,
        config: ModelConfig,
        image_shape: tuple[int, int, int],
        autoencoder: AutoencoderKLConfig | AutoencoderTinyConfig,
    ) -> None:
        super().__init__(config, image_shape)
        self.latent_shape = latent_shape_of(autoencoder, *image_shape[1:])
        self._shift, self._scale = autoencoder.shift_and_scale
        pass_bytes = 4 * _MAPS * autoencoder.widest * image_shape[1] * image_shape[2]
        self.images_at_once = max(1, _MEMORY // pass_bytes)

    @property
    def latent_dim(self) -> int:
        """Numbers of a latent."""
        channels, height, width = self.latent_shape
        return channels * height * width

    def encode_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, [B, C, h, w] each, of images in [−1, 1]."""
        raise NotImplementedError

    def decode_maps(self, maps: Tensor) -> Tensor:
        """Images, [−1, 1] where they are in range, of latents [B, C, h, w]."""
        raise NotImplementedError

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each."""
        shift, scale = self._factors(batch.x)
        parts = [self.encode_maps(2 * chunk - 1) for chunk in torch.split(batch.x, self.images_at_once)]
        means = [((mean - shift) * scale).flatten(1) for mean, _std in parts]
        stds = [(std * scale).flatten(1) for _mean, std in parts]
        return self._joined(means, batch.x), self._joined(stds, batch.x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Images float32 [B, C, H, W] in [0, 1] of latents [B, d]."""
        if not len(z):
            return z.new_zeros(0, *self.image_shape)
        shift, scale = self._factors(z)
        maps = z.reshape(-1, *self.latent_shape) / scale + shift
        return torch.cat(
            [self.decode_maps(chunk).add(1).div(2).clamp(0, 1) for chunk in torch.split(maps, self.images_at_once)]
        )

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Refused: latents do not follow a known distribution.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("this model's prior is not known; draw from the encoded images instead (aggregate)")

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """Refused: the likelihood is not known.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("this model's likelihood is not known, so it has no ELBO; it can be explored")

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """Refused: it was trained elsewhere.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("this model was made by another program and cannot be trained here")

    def _factors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        shift, scale = (like.new_tensor(values).view(-1, 1, 1) for values in (self._shift, self._scale))
        return shift, scale

    def _joined(self, parts: list[Tensor], x: Tensor) -> Tensor:
        return torch.cat(parts) if parts else x.new_zeros(0, self.latent_dim)
