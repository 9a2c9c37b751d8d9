"""Models of other programs behind the interface of ours: functions that encode and decode arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentlab.config import ModelConfig
from latentlab.errors import InputError
from latentlab.foreign.protocol import ModelProtocol
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.functional import gaussian_kl
from latentlab.utils.array_types import FloatArray, IntArray

_STEP = 0.02
"""Length of a step for derivatives: images of single precision differ enough, and it is small beside the prior's
standard deviation."""


class ForeignModel(LatentModel):
    """A model that was made elsewhere: it encodes and decodes, and mostly its likelihood is not known.

    Parameters
    ----------
    config
        With ``family=foreign``.
    image_shape
        (C, H, W).
    classes
        Number of classes if the functions take labels.
    functions
        Encode, decode and what else there is.
    """

    def __init__(
        self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int, functions: ModelProtocol
    ) -> None:
        super().__init__(config, image_shape, classes if config.conditional else 0)
        self.functions = functions
        self.capabilities = functions.capabilities

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each.

        Raises
        ------
        InputError
            Without an encoder.
        """
        if not self.capabilities.has_encoder:
            raise InputError("this model has no encoder, so it cannot encode images")
        mean, std = self.functions.encode(self._in_range(batch.x), _labels(batch.label, len(batch.x), self.classes))
        return self._checked(mean, batch.x), self._checked(std, batch.x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Images [B, C, H, W] in [0, 1]: values outside are clipped, and those that are not finite stay."""
        if not len(z):
            return z.new_zeros(0, *self.image_shape)
        images = np.asarray(self.functions.decode(_numpy(z), _labels(label, len(z), self.classes)), np.float32)
        if images.shape != (shape := (len(z), *self.image_shape)):
            raise InputError(f"the model decodes to an array {list(images.shape)} instead of {list(shape)}")
        low, high = self.functions.value_range
        return torch.from_numpy(((images - low) / (high - low)).clip(0, 1)).to(z.device)

    def nearest_images(self, z: FloatArray) -> FloatArray:
        """What is shown instead of decoded images where there is no decoder: float32 [n, C, H, W] in [0, 1].

        Raises
        ------
        InputError
            For a model, which has none.
        """
        nearest = getattr(self.functions, "nearest_images", None)
        if nearest is None:
            raise InputError("this model has a decoder, and no images of its own")
        images: FloatArray = nearest(z)
        return images

    def push_forward(self, z: Tensor, directions: Tensor, label: Tensor | None = None) -> Tensor:
        """Derivatives along directions, if the functions do not give them by central differences.

        The error of these is of the second order of the step.
        """
        along = directions if directions.ndim == 3 else directions[:, None].expand(-1, len(z), -1)
        if self.capabilities.has_jvp:
            return self._given_derivatives(z, along, label)
        step = _STEP / along.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        ends = torch.cat([z + step * along, z - step * along]).flatten(0, 1)
        labels = None if label is None else label.repeat(2 * len(along))
        images = self.decode(ends, labels)
        after, before = images.reshape(2, len(along), len(z), *images.shape[1:])
        derivatives: Tensor = (after - before) / (2 * step[..., None, None])
        return derivatives

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Draw from the standard normal distribution.

        Raises
        ------
        InputError
            When the model's prior is not known.
        """
        if not self.capabilities.has_prior:
            raise InputError("this model's prior is not known; draw from the encoded images instead (aggregate)")
        return temperature * torch.randn(count, self.latent_dim, generator=generator)

    @torch.no_grad()
    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO by the functions' likelihood, for the standard normal prior.

        A posterior that is a point has no rate.

        Raises
        ------
        InputError
            When the likelihood or the prior is not known.
        """
        if not self.capabilities.has_likelihood:
            raise InputError("this model's likelihood is not known, so it has no ELBO; it can be explored")
        if not self.capabilities.has_prior:
            raise InputError("this model's prior is not known, so it has no ELBO; it can be explored")
        mean, std = self.encode(batch)
        noise = torch.randn(samples, *mean.shape)
        z = mean + std * noise
        images = self._in_range(batch.x.repeat(samples, 1, 1, 1))
        label = None if batch.label is None else batch.label.repeat(samples)
        labels = _labels(label, len(images), self.classes)
        values = self._array("log_likelihood", self.functions.log_likelihood(images, _numpy(z.flatten(0, 1)), labels))
        has_density = std > 0
        log_std = torch.log(std.clamp_min(1e-30))
        rate = torch.where(has_density, gaussian_kl(mean, log_std), 0.0).sum(-1)
        # log q(z|x) − log p(z), in which the constants of both densities are equal.
        log_ratio = torch.where(has_density, 0.5 * (z**2 - noise**2) - log_std, 0.0).sum(-1)
        return Bound(values.reshape(samples, -1), rate.expand(samples, -1), log_ratio)

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """Refused: it was trained elsewhere.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("this model was made by another program and cannot be trained here")

    def _given_derivatives(self, z: Tensor, along: Tensor, label: Tensor | None) -> Tensor:
        """Derivatives [k, B, C, H, W] along directions [k, B, d] as the functions give them."""
        count = len(along)
        labels = _labels(None if label is None else label.repeat(count), count * len(z), self.classes)
        given = self.functions.jvp(_numpy(z.repeat(count, 1)), _numpy(along.flatten(0, 1)), labels)
        low, high = self.functions.value_range
        derivatives = self._array("jvp", given, (count * len(z), *self.image_shape)) / (high - low)
        return derivatives.reshape(count, len(z), *self.image_shape).to(z.device)

    def _in_range(self, x: Tensor) -> FloatArray:
        """Images in [0, 1] with the values that the functions take."""
        low, high = self.functions.value_range
        scaled: FloatArray = _numpy(x) * np.float32(high - low) + np.float32(low)
        return scaled

    def _checked(self, values: FloatArray, x: Tensor) -> Tensor:
        """One output of the encoder for images ``x``."""
        return self._array("encode", values, (len(x), self.latent_dim)).to(x.device)

    def _array(self, name: str, values: FloatArray, shape: tuple[int, ...] | None = None) -> Tensor:
        array = np.ascontiguousarray(values, np.float32)
        if shape is not None and array.shape != shape:
            said = "encodes to" if name == "encode" else f"gives as {name}"
            raise InputError(f"the model {said} an array {list(array.shape)} instead of {list(shape)}")
        return torch.from_numpy(array)


def _numpy(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
    return array


def _labels(label: Tensor | None, count: int, classes: int) -> IntArray | None:
    """Labels for functions that take them; a class that is not known is the first, as they know no other."""
    if not classes:
        return None
    if label is None:
        return np.zeros(count, np.int64)
    known: IntArray = label.detach().cpu().numpy().clip(0)
    return known
