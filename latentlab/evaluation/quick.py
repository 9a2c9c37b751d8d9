"""A one-sample estimate of the ELBO, cheap enough for the end of every epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentlab.config.events import IMPORTANCE_BOUND
from latentlab.evaluation.batches import Binarise, batches, device_of, samples_at_once
from latentlab.models.base import Batch, LatentModel
from latentlab.models.functional import log_mean_exp
from latentlab.models.seeded_noise import fixed_noise


class QuickBound(NamedTuple):
    """Means in nats per image at β = 1; ``elbo = −(rate + distortion)`` exactly.

    ``importance_bound`` is the importance-weighted bound of K latents per image, ``None`` where it was not asked for;
    ``kl_per_dimension`` [d] is KL(q(z_j|x) ‖ p_j), p_j the prior's density of dimension j.
    """

    elbo: float
    rate: float
    distortion: float
    kl_per_dimension: tuple[float, ...]
    importance_bound: float | None = None

    def as_dict(self) -> dict[str, float]:
        """``elbo``, ``rate`` and ``distortion``, and ``importance_bound`` if it was asked for."""
        means = {"elbo": self.elbo, "rate": self.rate, "distortion": self.distortion}
        return means if self.importance_bound is None else means | {IMPORTANCE_BOUND: self.importance_bound}


@torch.no_grad()
def quick_bound(
    model: LatentModel,
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None = None,
    batch_size: int = 512,
    binarise: Binarise = "none",
    seed: int = 0,
    importance_samples: int = 0,
) -> QuickBound:
    """Estimate the ELBO with one latent per image, or the importance-weighted bound too, with several.

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
    importance_samples
        K of the importance-weighted bound (Burda et al. 2016); 0 to leave it out.
    """
    device = device_of(model)
    training = model.training
    model.eval()
    total: Tensor | None = None
    try:
        with fixed_noise(device, seed):
            for batch in batches(images, labels, batch_size, device, binarise):
                terms = _summed_terms(model, batch, importance_samples)
                sums = torch.cat([terms, model.kl_per_dimension(batch).sum(0)])
                total = sums if total is None else total + sums
    finally:
        model.train(training)
    if total is None:
        raise ValueError("no images to evaluate")
    rate, distortion, bound, *per_dimension = (total / len(images)).tolist()
    importance_bound = bound if importance_samples else None
    return QuickBound(-(rate + distortion), rate, distortion, tuple(per_dimension), importance_bound)


def _summed_terms(model: LatentModel, batch: Batch, importance_samples: int) -> Tensor:
    """Rate, distortion and importance-weighted bound (0 if it is left out), summed over the batch, [3]."""
    samples = max(1, importance_samples)
    chunk = samples_at_once(model, batch, samples)
    parts = [model.bound(batch, min(chunk, samples - start)) for start in range(0, samples, chunk)]
    log_likelihood, rate, log_ratio = (torch.cat(values) for values in zip(*parts, strict=True))
    bound = log_mean_exp(log_likelihood - log_ratio).sum() if importance_samples else rate.new_zeros(())
    return torch.stack([rate.mean(0).sum(), -log_likelihood.mean(0).sum(), bound])
