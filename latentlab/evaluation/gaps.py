"""Amortisation gap and approximation gap of inference (Cremer, Li & Duvenaud 2018, arXiv:1801.03558)."""

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

# Latents per image for the estimate of an ELBO.
ELBO_SAMPLES = 50


@dataclass(frozen=True)
class Gaps:
    """Means over the images, in nats per image.

    Attributes
    ----------
    encoder_elbo
        With the encoder's own q(z|x).
    refined_elbo
        With q(z|x) of the same family, optimised for each image starting from the encoder's.
    richer_elbo
        With a full-covariance q(z|x), optimised for each image.
    log_likelihood
        By importance sampling from the full-covariance q(z|x).
    amortisation_gap
        ``refined_elbo − encoder_elbo``: the cost of sharing one encoder.
    approximation_gap
        ``log_likelihood − refined_elbo``: the cost of the posterior family.
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
    """Estimate both gaps.

    Parameters
    ----------
    model
        A VAE with a diagonal or full-covariance posterior.
    images, labels
        uint8 [N, C, H, W], int64 [N].
    steps
        Adam steps on each image's q(z|x).
    importance_samples, batch_size, binarise, seed
        As in ``evaluate``.

    Raises
    ------
    InputError
        For a model whose posterior cannot be optimised per image.
    """
    if not isinstance(model, VAE) or model.config.posterior.kind not in ("diagonal", "cholesky"):
        raise InputError("inference gaps need a model with a diagonal or full-covariance posterior")
    training = model.training
    model.eval()
    device, sums = device_of(model), np.zeros(4)
    try:
        with fixed_noise(device, seed):
            for batch in batches(images, labels, batch_size, device, binarise):
                sums += _sums_of_batch(model, batch, steps, importance_samples)
    finally:
        model.train(training)
    encoder, refined, richer, likelihood = (sums / len(images)).tolist()
    return Gaps(encoder, refined, richer, likelihood, refined - encoder, likelihood - refined)


def _sums_of_batch(model: VAE, batch: Batch, steps: int, samples: int) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        start = model.initial_posterior(batch) if isinstance(model, PerDatapointVAE) else model.infer(batch)
    # The gaps are those of the ELBO, whatever β the model was trained with.
    refined = refine(model, start, batch, steps, rate=0.05, beta=1.0)
    richer = refined
    if isinstance(refined, Diagonal):
        size = refined.mean.shape[1]
        off_diagonal = refined.mean.new_zeros(len(batch.x), size * (size - 1) // 2)
        full = Cholesky(refined.mean, refined.log_std, off_diagonal)
        richer = refine(model, full, batch, steps, rate=0.02, beta=1.0)
    with torch.no_grad():
        elbos = []
        for q in (start, refined, richer):
            bound = model.bound_from(q, batch, ELBO_SAMPLES)
            elbos.append((bound.log_likelihood - bound.rate).mean(0).sum().item())
        rounds = math.ceil(samples / ELBO_SAMPLES)
        bounds = [model.bound_from(richer, batch, ELBO_SAMPLES) for _ in range(rounds)]
        weights = torch.cat([bound.log_likelihood - bound.log_ratio for bound in bounds])[:samples]
        return np.array([*elbos, log_mean_exp(weights).sum().item()])
