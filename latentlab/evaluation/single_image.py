"""Inspect, refine and fill in one image: the calls of the command line and of Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from latentlab.config.capabilities import why_not_inspected, why_not_refined
from latentlab.errors import InputError
from latentlab.evaluation.imputation import as_batch, hidden_pixels, known_labels, observed_pixels
from latentlab.evaluation.imputer import SAMPLES as IMPUTATION_SAMPLES
from latentlab.evaluation.imputer import Filling, Imputer
from latentlab.evaluation.inspection import SAMPLES, SHOWN, Inspection, inspecting
from latentlab.evaluation.latent_target import LatentTarget
from latentlab.evaluation.refinement import RefinementStep, Refiner
from latentlab.models.families.vae import VAE
from latentlab.models.inference import InferenceModel

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Refined:
    """The posterior of one image, refined by gradient steps.

    Attributes
    ----------
    mean, std
        float32 [d] each.
    encoded_elbo, elbo
        Of the posterior that the image was encoded as, and of the refined one, in nats; of a point mass log p(x, z).
        Both are estimated with the same noise, and ``elbo`` is never below ``encoded_elbo``.
    history
        The ELBO of the best posterior after some of the steps.
    """

    mean: FloatArray
    std: FloatArray
    encoded_elbo: float
    elbo: float
    history: tuple[RefinementStep, ...]

    @property
    def gap(self) -> float:
        """The amortisation gap of this image as far as it was closed, in nats."""
        return self.elbo - self.encoded_elbo


def target_of(
    model: InferenceModel, image: ArrayLike, label: int | None = None, mask: ArrayLike | None = None
) -> LatentTarget:
    """One image as the model reads it.

    Parameters
    ----------
    image
        [C, H, W], or [H, W] for a model of grey images: uint8, or floats in [0, 1].
    label
        Its class, for a conditional model.
    mask
        [H, W], true where a pixel is hidden; ``None``: none is.

    Raises
    ------
    InputError
        For another shape, a mask that hides nothing, a class that is missing or unknown, or a model whose likelihood is
        not known.
    """
    reason = why_not_inspected(model.module.config)
    if reason:
        raise InputError(f"nothing of this image can be measured with this model: {reason}")
    images = as_batch(model, np.asarray(image))
    if len(images) != 1:
        raise InputError(f"one image is needed, not {len(images)}")
    hidden = None if mask is None else hidden_pixels(np.asarray(mask), images)
    pixels = observed_pixels(images, hidden)
    labels = known_labels(model, pixels, label)
    return LatentTarget(
        model.module,
        torch.from_numpy(pixels).to(model.device),
        None if hidden is None else torch.from_numpy(hidden[0]).to(model.device),
        None if labels is None else torch.from_numpy(labels).to(model.device),
    )


def refiner_of(target: LatentTarget, steps: int, seed: int = 0) -> Refiner:
    """A refinement that begins at the posterior that the model encodes the image as.

    Raises
    ------
    InputError
        When the posterior of this model cannot be refined.
    """
    reason = why_not_refined(target.model.config)
    if reason or not isinstance(target.model, VAE):
        raise InputError(f"the posterior of this model cannot be refined: {reason}")
    with torch.no_grad():
        start = target.model.infer(target.batch)
    return Refiner(target, start, steps, seed=seed)


def refined_of(refiner: Refiner) -> Refined:
    """What a refinement has found so far."""
    best, history = refiner.best, tuple(refiner.history)
    mean, std = (value[0].detach().float().cpu().numpy() for value in (best.mean, best.std))
    return Refined(mean, std, history[0].elbo, history[-1].elbo, history)


def refine_image(
    model: InferenceModel, image: ArrayLike, steps: int, label: int | None = None, seed: int = 0
) -> Refined:
    """Refine the posterior of one image; :func:`latentlab.refine` describes the parameters."""
    if steps < 1:
        raise InputError("a refinement needs at least 1 step")
    refiner = refiner_of(target_of(model, image, label), steps, seed)
    for _ in refiner.run():
        pass
    return refined_of(refiner)


def inspect_image(
    model: InferenceModel,
    image: ArrayLike,
    samples: int = SAMPLES,
    shown: int = SHOWN,
    label: int | None = None,
    seed: int = 0,
) -> Inspection:
    """Inspect one image; :func:`latentlab.inspect` describes the parameters."""
    if samples < 1 or shown < 1:
        raise InputError("an inspection needs at least 1 sample")
    found = None
    for each in inspecting(target_of(model, image, label), samples, shown, seed):
        found = each
    assert found is not None
    return found


def fill_in(
    model: InferenceModel,
    image: ArrayLike,
    mask: ArrayLike,
    count: int,
    samples: int = IMPUTATION_SAMPLES,
    label: int | None = None,
    seed: int = 0,
) -> Filling:
    """Draw several fillings of hidden pixels; :func:`latentlab.imputations` describes the parameters."""
    if count < 1 or samples < 2:
        raise InputError("imputations need at least 1 filling and 2 samples")
    found = None
    for each in Imputer(target_of(model, image, label, mask), count, samples, seed).run():
        found = found if each is None else each
    assert found is not None
    return found
