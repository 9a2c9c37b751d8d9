"""Diversity of a model's samples, relative to that of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentlab.evaluation.batches import batches, device_of
from latentlab.models.base import LatentModel

MAX_IMAGES = 500  # of the data and of samples; distances are between all pairs
BATCH_SIZE = 100


@torch.no_grad()
def sample_diversity(
    model: LatentModel, images: np.ndarray[Any, Any] | Tensor, labels: np.ndarray[Any, Any] | Tensor | None, seed: int
) -> float | None:
    """Mean distance between two samples, divided by the mean distance between two images.

    Distances are Euclidean over all pixels; samples are means of p(x|z) with z from the prior. 1: samples differ as
    much as images do; 0: all samples are equal. Blurred samples are closer together and score lower.

    Parameters
    ----------
    model
        In evaluation mode.
    images
        uint8 [N, C, H, W]; at most 500 of them are used, evenly spaced.
    labels
        int64 [N], −1 where unknown: a conditional model gets one sample per label.
    seed
        Seed of the latents.

    Returns
    -------
    float or None
        ``None`` when all images are equal.
    """
    device = device_of(model)
    rows = np.unique(np.linspace(0, len(images) - 1, min(MAX_IMAGES, len(images))).astype(np.int64))
    classes = None if labels is None or not model.config.conditional else labels[rows]
    real, sampled = [], []
    z = model.sample_prior(len(rows), torch.Generator().manual_seed(seed))
    for number, batch in enumerate(batches(images[rows], classes, BATCH_SIZE, device, "none")):
        start = number * BATCH_SIZE
        real.append(batch.x.flatten(1))
        sampled.append(model.decode(z[start : start + len(batch.x)], batch.label).flatten(1))
    between_images = _mean_distance(torch.cat(real))
    return None if between_images == 0 else _mean_distance(torch.cat(sampled)) / between_images


def _mean_distance(rows: Tensor) -> float:
    """Mean Euclidean distance between all pairs of rows; 0 for a single row."""
    return torch.pdist(rows.cpu()).mean().item() if len(rows) > 1 else 0.0
