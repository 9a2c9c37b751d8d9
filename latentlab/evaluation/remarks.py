"""Caveats to print with a model's metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from latentlab.config.layout import latent_layout
from latentlab.evaluation.batches import Binarise
from latentlab.models.base import LatentModel

# Images checked for grey values.
MAX_CHECKED = 1000


def remarks(
    model: LatentModel,
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None = None,
    binarise: Binarise = "none",
) -> tuple[str, ...]:
    """Sentences about metrics of ``evaluate`` whose meaning differs for this model or these images.

    Parameters
    ----------
    model
        Any model.
    images
        uint8 [N, C, H, W].
    labels
        int64 [N], −1 where unknown.
    binarise
        As passed to ``evaluate``.
    """
    kind = latent_layout(model.config, model.image_shape).kind
    checked = images[:MAX_CHECKED]
    grey = binarise == "none" and bool(((checked > 0) & (checked < 255)).any())
    unlabelled = labels is None or not bool((labels >= 0).any())
    candidates = (
        (
            model.config.posterior.kind == "delta",
            "the latents are points, which have no rate: elbo and log_likelihood are the log-likelihood of "
            "reconstructions and not bounds",
        ),
        (
            grey and model.config.likelihood.kind == "bernoulli" and model.config.family != "foreign",
            "grey pixels under a Bernoulli likelihood: compare these nats only with others on grey images",
        ),
        (
            model.config.family == "foreign",
            "the likelihood is a function of the model's own: the figures mean what it says",
        ),
        (
            model.is_density,
            "the likelihood is a density of pixels in [0, 1]; bits_per_dimension assumes it constant over a grey "
            "level, without dequantisation noise",
        ),
        (
            kind == "codes",
            "the latents are codes: active_units and kl_per_dimension refer to the values of codebook entries, "
            "perplexity to the codes",
        ),
        (
            kind == "categories",
            "the latents are categorical: active_units counts probabilities that vary, and kl_per_dimension splits "
            "the rate of each category among its probabilities",
        ),
        (
            model.config.family == "semi-supervised" and unlabelled,
            "no image has a label: there is no classification_error",
        ),
    )
    return tuple(sentence for applies, sentence in candidates if applies)
