"""The bound at a glance: cheap enough for the end of every epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentlab.evaluation.batches import Binarise, batches, device_of
from latentlab.models.base import LatentModel
from latentlab.models.seeded_noise import fixed_noise


class QuickBound(NamedTuple):
    """Means in nats per image at β = 1; ``elbo`` is exactly ``−(rate + distortion)``.

    ``kl_per_dimension`` holds d numbers, the KL of each latent's marginal posterior to N(0, 1).
    """

    elbo: float
    rate: float
    distortion: float
    kl_per_dimension: tuple[float, ...]

    def as_dict(self) -> dict[str, float]:
        """``elbo``, ``rate`` and ``distortion``."""
        return {"elbo": self.elbo, "rate": self.rate, "distortion": self.distortion}


@torch.no_grad()
def quick_bound(
    model: LatentModel,
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None = None,
    batch_size: int = 512,
    binarise: Binarise = "none",
    seed: int = 0,
) -> QuickBound:
    """Estimate the ELBO with one latent per image.

    The noise is the same at every call, so that an epoch is compared with the one before and not with its luck;
    the random numbers of a training around it are left as they were. One synchronisation, at the end.

    Parameters
    ----------
    model
        Put into evaluation mode meanwhile.
    images
        uint8 [N, C, H, W], N ≥ 1, on any device; fastest on the model's own.
    labels
        int64 [N], −1 where unknown.
    batch_size
        Images at a time.
    binarise
        Draw grey values to black or white first.
    seed
        Of the noise.
    """
    device = device_of(model)
    training = model.training
    model.eval()
    total: Tensor | None = None
    try:
        with fixed_noise(device, seed):
            for batch in batches(images, labels, batch_size, device, binarise):
                bound = model.bound(batch)
                sums = torch.cat([bound.rate.sum()[None], -bound.log_likelihood.sum()[None],
                                  model.kl_per_dimension(batch).sum(0)])  # fmt: skip
                total = sums if total is None else total + sums
    finally:
        model.train(training)
    if total is None:
        raise ValueError("no images to evaluate")
    rate, distortion, *per_dimension = (total / len(images)).tolist()
    return QuickBound(-(rate + distortion), rate, distortion, tuple(per_dimension))
