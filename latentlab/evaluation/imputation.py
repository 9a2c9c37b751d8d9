"""Hidden pixels replaced by their expected value given the observed ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from latentlab.config.capabilities import why_not_inspected
from latentlab.errors import InputError
from latentlab.evaluation.batches import samples_at_once
from latentlab.models import LatentModel
from latentlab.models.base import Batch
from latentlab.models.families.vae import VAE
from latentlab.models.inference import CHUNK, InferenceModel
from latentlab.models.seeded_noise import fixed_noise


def impute_images(
    model: InferenceModel,
    image: ArrayLike,
    mask: ArrayLike,
    samples: int = 100,
    label: int | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Fill in the hidden pixels of one or more images; :func:`latentlab.impute` describes the parameters."""
    if samples < 1:
        raise InputError("imputation needs at least 1 sample")
    if reason := why_not_inspected(model.module.config):  # a reconstruction would say nothing of the hidden pixels
        raise InputError(f"this model fills in no hidden pixels: {reason}")
    given = np.asarray(image)
    images = as_batch(model, given)
    hidden = hidden_pixels(np.asarray(mask), images)
    pixels = observed_pixels(images, hidden)
    labels = known_labels(model, pixels, label)
    training = model.module.training
    model.module.eval()
    filled = []
    try:
        with fixed_noise(model.device, seed):
            for start in range(0, len(pixels), CHUNK):
                rows = slice(start, start + CHUNK)
                x = torch.from_numpy(pixels[rows]).to(model.device)
                observed = torch.from_numpy(~hidden[rows, None]).to(model.device, torch.float32)
                known = None if labels is None else torch.from_numpy(labels[rows]).to(model.device)
                filled.append(impute(model.module, x, observed, samples, known).cpu().numpy())
    finally:
        model.module.train(training)
    return np.concatenate(filled).reshape(given.shape)


@torch.no_grad()
def impute(model: LatentModel, x: Tensor, mask: Tensor, samples: int = 100, label: Tensor | None = None) -> Tensor:
    """Expected value of the missing pixels given the observed ones, by self-normalised importance sampling.

    E[x_missing | x_observed] ≈ Σ_k w_k E[x_missing | z_k] with w_k ∝ p(x_observed | z_k) p(z_k) / q(z_k | x_observed)
    (Mattei & Frellsen 2019, arXiv:1812.02633). A posterior that is a point, a codebook or a hierarchy has no such
    weights: there the missing pixels are those of the reconstruction from the observed ones.

    Parameters
    ----------
    model
        Best one trained with ``corruption.kind=mask``.
    x
        float32 [B, C, H, W] in [0, 1], on the model's device; missing pixels may hold any finite number.
    mask
        float32 [B, 1, H, W]: 1 where observed, 0 where missing.
    samples
        Latents per image; decoded a few at a time, so that memory stays bounded.
    label
        int64 [B], for a conditional model; ``None`` for the most probable class, if the model classifies.

    Returns
    -------
    Tensor
        float32 [B, C, H, W]: ``x`` where observed.
    """
    if label is None and model.classes:
        label = model.classify(Batch(x * mask, mask=mask))
    batch = Batch(x * mask, label, mask=mask)
    if not isinstance(model, VAE) or model.config.posterior.kind == "delta":
        mean, _ = model.encode(batch)
        return torch.where(mask > 0, x, model.decode(mean, label))
    q = model.infer(batch)
    chunk = samples_at_once(model, batch, samples)
    expected = torch.zeros_like(x)
    total = x.new_zeros(len(x))  # Σ_k exp(log w_k − largest)
    largest = x.new_full((len(x),), -torch.inf)
    for start in range(0, samples, chunk):
        draw = q.rsample(min(chunk, samples - start))
        log_weights = model.log_likelihood(draw.z, batch) - model.log_ratio(q, draw)
        means = model.likelihood.mean(model.output(draw.z, label))
        peak = torch.maximum(largest, log_weights.amax(0))
        rescale, weights = torch.exp(largest - peak), torch.exp(log_weights - peak)
        expected = expected * rescale[:, None, None, None] + torch.einsum("kb,kbchw->bchw", weights, means)
        total = total * rescale + weights.sum(0)
        largest = peak
    return torch.where(mask > 0, x, expected / total[:, None, None, None])


def as_batch(model: InferenceModel, image: NDArray[Any]) -> NDArray[Any]:
    """One image [C, H, W] or [H, W], or several, as [N, C, H, W]; refused if they have not the model's shape."""
    images = image.reshape((1,) * max(0, 4 - image.ndim) + image.shape)
    if image.ndim < 2 or images.shape[1:] != tuple(model.image_shape):
        raise InputError(f"the model takes images of shape {list(model.image_shape)}, not {list(image.shape)}")
    return images


def observed_pixels(images: NDArray[Any], hidden: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Images [N, C, H, W] as float32 in [0, 1], and 0 where ``hidden`` [N, H, W]."""
    pixels = images.astype(np.float32)
    if images.dtype == np.uint8:
        pixels /= 255
    if hidden is not None:
        np.copyto(pixels, 0, where=hidden[:, None])
    if not (pixels >= 0).all() or not (pixels <= 1).all():
        raise InputError("observed pixels must be uint8, or floats from 0 to 1")
    return pixels


def hidden_pixels(mask: NDArray[Any], images: NDArray[Any]) -> NDArray[np.bool_]:
    """Where pixels are hidden, [N, H, W]."""
    count, _, height, width = images.shape
    if mask.shape not in ((height, width), (count, height, width)):
        raise InputError(f"a mask for these images has the shape {[height, width]}, not {list(mask.shape)}")
    hidden = mask if mask.dtype == np.bool_ else mask > (0.5 if mask.dtype.kind == "f" else 127)
    if not hidden.any():
        raise InputError("the mask hides nothing: white marks the pixels to fill in")
    return np.array(np.broadcast_to(hidden, (count, height, width)))


def known_labels(model: InferenceModel, pixels: NDArray[np.float32], label: int | None) -> NDArray[np.int64] | None:
    """The class of each image, [N]: the given one, or what the model classifies it as; ``None`` without classes."""
    classes = model.module.classes
    if not classes:
        if label is not None:
            raise InputError("the model takes no class: leave the label out")
        return None
    if label is not None and not 0 <= label < classes:
        raise InputError(f"there is no class {label}: the model has {classes}, from 0")
    labels = model.classes_of_images(pixels, -1 if label is None else label)
    if (labels < 0).any():
        raise InputError("the model is conditional: say which class the image is of")
    return labels
