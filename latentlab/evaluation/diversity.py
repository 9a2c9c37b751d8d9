"""Whether what a model draws is as varied as what it learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentlab.evaluation.batches import batches, device_of
from latentlab.models.base import LatentModel

# Images on either side; as many pairs as there are in them.
MOST = 500
AT_A_TIME = 100


@torch.no_grad()
def sample_diversity(
    model: LatentModel, images: np.ndarray[Any, Any] | Tensor, labels: np.ndarray[Any, Any] | Tensor | None, seed: int
) -> float | None:
    """Mean distance between two samples over the mean distance between two images.

    Distances are Euclidean, over all pixels; samples are means of p(x|z) with z from the prior. 1 says that samples
    differ as much as images do, 0 that they are all the same. Sharpness counts too: blurred samples lie closer.

    Parameters
    ----------
    model
        In evaluation mode.
    images
        uint8 [N, C, H, W], of which at most 500 are taken, evenly from the first to the last.
    labels
        int64 [N], −1 where unknown: a conditional model draws one sample for each.
    seed
        Of the latents.

    Returns
    -------
    float or None
        ``None`` when the images do not differ.
    """
    device = device_of(model)
    taken = np.unique(np.linspace(0, len(images) - 1, min(MOST, len(images))).astype(np.int64))
    chosen = None if labels is None or not model.config.conditional else labels[taken]
    real, drawn = [], []
    z = model.sample_prior(len(taken), torch.Generator().manual_seed(seed))
    for place, batch in enumerate(batches(images[taken], chosen, AT_A_TIME, device, "none")):
        start = place * AT_A_TIME
        real.append(batch.x.flatten(1))
        drawn.append(model.decode(z[start : start + len(batch.x)], batch.label).flatten(1))
    between_images = _mean_distance(torch.cat(real))
    return None if between_images == 0 else _mean_distance(torch.cat(drawn)) / between_images


def _mean_distance(rows: Tensor) -> float:
    """Between all pairs of different rows; 0 for a single one."""
    return torch.pdist(rows.cpu()).mean().item() if len(rows) > 1 else 0.0
