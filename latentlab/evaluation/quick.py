"""A one-sample estimate of the ELBO, cheap enough for the end of every epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentlab.evaluation.batches import Binarise, batches, device_of
from latentlab.models.base import LatentModel
from latentlab.models.seeded_noise import fixed_noise


class QuickBound(NamedTuple):
    """Means in nats per image at β = 1; ``elbo = −(rate + distortion)`` exactly.

    ``kl_per_dimension`` [d] is KL(q(z_j|x) ‖ p_j), p_j the prior's density of dimension j.
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

    The noise is the same at every call, so that epochs differ by the model and not by the noise. The RNG state of the
    caller is restored. The device is synchronised once, at the end.

    Parameters
    ----------
    model
        Put into evaluation mode for the duration of the call.
    images
        uint8 [N, C, H, W], N ≥ 1, on any device; fastest on the model's.
    labels
        int64 [N], −1 where unknown.
    batch_size
        Images per batch.
    binarise
        Sample grey values to black or white first.
    seed
        Seed of the noise.
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
