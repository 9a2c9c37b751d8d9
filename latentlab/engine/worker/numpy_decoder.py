"""Fully connected decoders in numpy: they decode the first images while torch is being imported."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from latentlab.errors import InputError
from latentlab.storage import ModelFile
from latentlab.utils.array_types import FloatArray

_Function = Callable[[FloatArray], FloatArray]


def numpy_decoder(file: ModelFile) -> NumpyDecoder | None:
    """A model's decoder, if it is an MLP alone with Bernoulli or Gaussian pixels; ``None`` for all others."""
    config = file.header.model
    network = config.architecture
    is_mlp = network.kind == "mlp" and not network.linear_path and config.family == "vae" and not config.conditional
    if not is_mlp or config.likelihood.kind not in _MEANS or config.likelihood.sigma == "pixel":
        return None  # also for a likelihood or setting that is not implemented here: torch decodes the first image
    # If the weights do not match the configuration, loading it with torch reports that.
    return NumpyDecoder(file) if _is_complete(file) else None


def _is_complete(file: ModelFile) -> bool:
    """Whether each layer of the decoder has the shape that the configuration gives it."""
    model, weights = file.header.model, file.weights
    widths = [
        model.latent_dim,
        *[model.architecture.hidden] * model.architecture.layers,
        math.prod(file.header.image_shape),
    ]
    return all(
        (weight := weights.get(f"decoder.{name}.weight")) is not None
        and weight.shape == (wide_out, wide_in)
        and (bias := weights.get(f"decoder.{name}.bias")) is not None
        and bias.shape == (wide_out,)
        for name, (wide_in, wide_out) in zip(_layer_names(file), pairwise(widths), strict=True)
    )


def _layer_names(file: ModelFile) -> list[str]:
    # Layers and activations alternate.
    return [f"layers.{2 * number}" for number in range(file.header.model.architecture.layers)] + ["pixels"]


class NumpyDecoder:
    """Decodes as :class:`~latentlab.models.inference.InferenceModel` does, up to rounding.

    Parameters
    ----------
    file
        A model that :func:`numpy_decoder` accepts.
    """

    def __init__(self, file: ModelFile) -> None:
        architecture, weights = file.header.model.architecture, file.weights
        self._layers = [
            (weights[f"decoder.{name}.weight"].T, weights[f"decoder.{name}.bias"]) for name in _layer_names(file)
        ]
        self._activation = _ACTIVATIONS[architecture.activation]
        likelihood = file.header.model.likelihood
        self._mean = _sigmoid if likelihood.mean == "sigmoid" else _MEANS[likelihood.kind]
        self._image_shape = file.header.image_shape
        self.latent_dim: int = self._layers[0][0].shape[0]

    def decode(self, z: ArrayLike, label: ArrayLike | None = None) -> FloatArray:
        """Mean of p(x|z), float32 [N, C, H, W] in [0, 1], for z [N, d]; the label is ignored.

        Raises
        ------
        InputError
            For latents of another size or with values that are not finite.
        """
        values = np.asarray(z, np.float32)
        if values.ndim != 2 or values.shape[1] != self.latent_dim or not np.isfinite(values).all():
            raise InputError(f"the model takes latents of {self.latent_dim} finite numbers")
        for weight, bias in self._layers[:-1]:
            values = self._activation(values @ weight + bias)
        weight, bias = self._layers[-1]
        images: FloatArray = self._mean(values @ weight + bias).reshape(-1, *self._image_shape)
        return images


def _sigmoid(x: FloatArray) -> FloatArray:
    # By the hyperbolic tangent, which does not overflow.
    values: FloatArray = 0.5 * (1 + np.tanh(0.5 * x))
    return values


def _elu(x: FloatArray) -> FloatArray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


_ACTIVATIONS: dict[str, _Function] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "elu": _elu,
    "silu": lambda x: x * _sigmoid(x),
    "softplus": lambda x: np.logaddexp(x, np.float32(0)),
}
# Means by the kind of likelihood; models with any other are left to torch.
_MEANS: dict[str, _Function] = {"bernoulli": _sigmoid, "gaussian": lambda x: np.clip(x, 0, 1)}
