"""What must be said beside a model's numbers, lest they be taken for others."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from latentlab.config.layout import latent_layout
from latentlab.evaluation.batches import Binarise
from latentlab.models.base import LatentModel

# Images looked at for grey values.
LOOKED_AT = 1000


def remarks(
    model: LatentModel,
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None = None,
    binarise: Binarise = "none",
) -> tuple[str, ...]:
    """Sentences on figures of ``evaluate`` that do not mean for this model or these images what they do for others.

    Parameters
    ----------
    model
        Any.
    images
        uint8 [N, C, H, W].
    labels
        int64 [N], −1 where unknown.
    binarise
        As it was evaluated.
    """
    kind = latent_layout(model.config, model.image_shape).kind
    some = images[:LOOKED_AT]
    grey = binarise == "none" and bool(((some > 0) & (some < 255)).any())
    unlabelled = labels is None or not bool((labels >= 0).any())
    said = (
        (
            model.config.posterior.kind == "delta",
            "the latents are points, which have no rate: elbo and log_likelihood are the log-likelihood of "
            "reconstructions, and bound nothing",
        ),
        (
            grey and not model.is_density,
            "grey pixels under a Bernoulli likelihood: compare these nats only with others on grey images",
        ),
        (
            model.is_density,
            "the likelihood is a density of pixels in [0, 1]; bits_per_dimension takes it as constant over a grey "
            "level, without the noise of dequantisation",
        ),
        (
            kind == "codes",
            "the latents are codes: active_units and kl_per_dimension speak of their entries' numbers, perplexity of "
            "the codes themselves",
        ),
        (
            kind == "categories",
            "the latents are categories: active_units counts probabilities that vary, and kl_per_dimension shares "
            "each category's rate among its numbers",
        ),
        (
            model.config.family == "semi-supervised" and unlabelled,
            "no image has a label: there is no classification_error",
        ),
    )
    return tuple(sentence for holds, sentence in said if holds)
