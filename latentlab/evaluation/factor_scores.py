"""Disentanglement scores of a model on a dataset's generative factors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latentlab.config.layout import latent_layout
from latentlab.data.types import Columns, Images, Labels
from latentlab.errors import InputError
from latentlab.evaluation.disentanglement import Disentanglement, disentanglement
from latentlab.models.inference import InferenceModel


class FactorScores(NamedTuple):
    """Scores, and what they were measured on.

    Attributes
    ----------
    scores
        MIG, FactorVAE score and β-VAE score.
    factors
        Number of distinct values of each factor that varies.
    images
        Number of images whose factors are all known.
    """

    scores: Disentanglement
    factors: dict[str, int]
    images: int


def score_factors(
    model: InferenceModel, images: Images, labels: Labels, factors: Columns, seed: int = 0
) -> FactorScores:
    """Encode the images whose factors are all known, and compute the scores.

    Parameters
    ----------
    model
        Its latents must be plain numbers.
    images, labels
        uint8 [N, C, H, W] and int64 [N].
    factors
        [N] each, text or numbers; "" and NaN are unknown. At least two must vary.
    seed
        Of all sampling.

    Raises
    ------
    InputError
        When the latents are not plain numbers, or fewer than two factors vary.
    """
    if latent_layout(model.header.model, model.image_shape).kind != "plain":
        raise InputError("disentanglement needs latents that are plain numbers")
    known = np.ones(len(images), dtype=bool)
    for values in factors.values():
        known &= _is_known(values)
    rows = np.flatnonzero(known)
    varying = {name: values[rows] for name, values in factors.items() if len(np.unique(values[rows])) > 1}
    if len(varying) < 2:
        raise InputError(f"disentanglement needs two factors that vary among the images, and there are {len(varying)}")
    mean, std = model.encode(images[rows], labels[rows])
    scores = disentanglement(mean, std, varying, seed)
    return FactorScores(scores, {name: len(np.unique(values)) for name, values in varying.items()}, len(rows))


def _is_known(values: NDArray[Any]) -> NDArray[np.bool_]:
    missing = np.isnan(values) if values.dtype.kind == "f" else values == "" if values.dtype.kind == "U" else False
    return np.broadcast_to(np.logical_not(missing), values.shape)
