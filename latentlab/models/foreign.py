"""Models of other programs behind the interface of ours: functions that encode and decode arrays."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from latentlab.config import ModelConfig
from latentlab.config.capabilities import Capabilities
from latentlab.errors import InputError
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.utils.array_types import FloatArray, IntArray

_STEP = 0.02
"""Length of a step for derivatives: images of single precision differ enough, and it is small beside the prior's
standard deviation."""


class ForeignFunctions(Protocol):
    """What a model of another program must offer.

    Attributes
    ----------
    has_encoder, has_prior
        Whether it can encode, and whether its prior is the standard normal distribution (else it is not known).
    """

    has_encoder: bool
    has_prior: bool

    def encode(self, images: FloatArray, label: IntArray | None) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation, [B, d] each, of images [B, C, H, W] in [0, 1]."""
        ...

    def decode(self, z: FloatArray, label: IntArray | None) -> FloatArray:
        """Images [B, C, H, W] in [0, 1] of latents [B, d]."""
        ...


class ForeignModel(LatentModel):
    """A model that was made elsewhere: it encodes and decodes, and its likelihood is not known.

    Parameters
    ----------
    config
        With ``family=foreign``.
    image_shape
        (C, H, W).
    classes
        Number of classes if the functions take labels.
    functions
        Encode and decode.
    """

    def __init__(
        self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int, functions: ForeignFunctions
    ) -> None:
        super().__init__(config, image_shape, classes if config.conditional else 0)
        self._functions = functions
        self.capabilities = Capabilities(functions.has_encoder, has_likelihood=False, has_prior=functions.has_prior)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation, float32 [B, d] each.

        Raises
        ------
        InputError
            Without an encoder.
        """
        if not self.capabilities.has_encoder:
            raise InputError("this model has no encoder, so it cannot encode images")
        mean, std = self._functions.encode(_numpy(batch.x), _labels(batch.label, len(batch.x), self.classes))
        return self._checked(mean, batch.x), self._checked(std, batch.x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Images [B, C, H, W] in [0, 1]: values outside are clipped, and those that are not finite stay."""
        if not len(z):
            return z.new_zeros(0, *self.image_shape)
        images = np.asarray(self._functions.decode(_numpy(z), _labels(label, len(z), self.classes)), np.float32)
        if images.shape != (shape := (len(z), *self.image_shape)):
            raise InputError(f"the model decodes to an array {list(images.shape)} instead of {list(shape)}")
        return torch.from_numpy(images.clip(0, 1)).to(z.device)

    def push_forward(self, z: Tensor, directions: Tensor, label: Tensor | None = None) -> Tensor:
        """Derivatives along directions by central differences, whose error is of the second order of the step."""
        along = directions if directions.ndim == 3 else directions[:, None].expand(-1, len(z), -1)
        step = _STEP / along.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        ends = torch.cat([z + step * along, z - step * along]).flatten(0, 1)
        labels = None if label is None else label.repeat(2 * len(along))
        after, before = self.decode(ends, labels).unflatten(0, (2, len(along), len(z)))
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

    def _checked(self, values: FloatArray, x: Tensor) -> Tensor:
        """One output of the encoder for images ``x``."""
        array = np.ascontiguousarray(values, np.float32)
        if array.shape != (shape := (len(x), self.latent_dim)):
            raise InputError(f"the model encodes to an array {list(array.shape)} instead of {list(shape)}")
        return torch.from_numpy(array).to(x.device)


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
