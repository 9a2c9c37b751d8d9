"""What one encoder for all images costs, and what the family of posteriors costs (Cremer, Li & Duvenaud 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentlab.errors import InputError
from latentlab.evaluation.batches import Binarise, batches, device_of
from latentlab.models import VAE, LatentModel, PerDatapointVAE
from latentlab.models.base import Batch
from latentlab.models.families.per_datapoint import refine
from latentlab.models.functional import log_mean_exp
from latentlab.models.posteriors.cholesky import Cholesky
from latentlab.models.posteriors.diagonal import Diagonal
from latentlab.models.seeded_noise import fixed_noise

# Latents from which a refined ELBO is estimated.
ELBO_SAMPLES = 50


@dataclass(frozen=True)
class Gaps:
    """Means over the images, in nats per image.

    Attributes
    ----------
    encoder_elbo
        With the encoder's own q(z|x).
    refined_elbo
        With each image's q(z|x) of the same family improved from there.
    richer_elbo
        With a full-covariance q(z|x) improved from there.
    log_likelihood
        By importance sampling from the richer q.
    amortisation_gap
        ``refined_elbo − encoder_elbo``: what sharing one encoder costs.
    approximation_gap
        ``log_likelihood − refined_elbo``: what the family costs.
    """

    encoder_elbo: float
    refined_elbo: float
    richer_elbo: float
    log_likelihood: float
    amortisation_gap: float
    approximation_gap: float


def inference_gaps(
    model: LatentModel,
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None = None,
    steps: int = 100,
    importance_samples: int = 500,
    batch_size: int = 128,
    binarise: Binarise = "none",
    seed: int = 0,
) -> Gaps:
    """Measure both gaps.

    Parameters
    ----------
    model
        A composition with a diagonal or full-covariance posterior.
    images, labels
        uint8 [N, C, H, W], int64 [N].
    steps
        Of Adam on each image's q.
    importance_samples, batch_size, binarise, seed
        As of ``evaluate``.

    Raises
    ------
    InputError
        For a model whose posterior cannot be refined.
    """
    if not isinstance(model, VAE) or model.config.posterior.kind not in ("diagonal", "cholesky"):
        raise InputError("the gaps are measured of models with a diagonal or full-covariance posterior")
    training = model.training
    model.eval()
    device, sums = device_of(model), np.zeros(4)
    try:
        with fixed_noise(device, seed):
            for batch in batches(images, labels, batch_size, device, binarise):
                sums += _of_batch(model, batch, steps, importance_samples)
    finally:
        model.train(training)
    encoder, refined, richer, likelihood = (sums / len(images)).tolist()
    return Gaps(encoder, refined, richer, likelihood, refined - encoder, likelihood - refined)


def _of_batch(model: VAE, batch: Batch, steps: int, samples: int) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        start = model.start(batch) if isinstance(model, PerDatapointVAE) else model.infer(batch)
    refined = refine(model, start, batch, steps, rate=0.05)
    richer = refined
    if isinstance(refined, Diagonal):
        size = refined.mean.shape[1]
        below = refined.mean.new_zeros(len(batch.x), size * (size - 1) // 2)
        richer = refine(model, Cholesky(refined.mean, refined.log_std, below), batch, steps, rate=0.02)
    with torch.no_grad():
        elbos = []
        for q in (start, refined, richer):
            bound = model.bound_of(q, batch, ELBO_SAMPLES)
            elbos.append((bound.log_likelihood - bound.rate).mean(0).sum().item())
        rounds = math.ceil(samples / ELBO_SAMPLES)
        bounds = [model.bound_of(richer, batch, ELBO_SAMPLES) for _ in range(rounds)]
        weights = torch.cat([bound.log_likelihood - bound.log_ratio for bound in bounds])[:samples]
        return np.array([*elbos, log_mean_exp(weights).sum().item()])
