"""What a model says of one image: its ELBO, the predictive mean and standard deviation, samples, how typical it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.evaluation.latent_target import LatentTarget
from latentlab.models.families.vae import VAE
from latentlab.models.posteriors import VariationalPosterior
from latentlab.models.seeded_noise import fixed_noise

SAMPLES = 64
"""Latents of q(z|x) by default."""
SHOWN = 8

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Inspection:
    """What a model says of one image, in nats at β = 1.

    Attributes
    ----------
    elbo, rate, distortion
        Means over the samples. A point mass has no rate.
    reconstruction
        float32 [C, H, W]: the mean of p(x|z) at the posterior mean.
    mean, std
        float32 [C, H, W]: of each pixel under ∫ p(x|z) q(z|x) dz, the predictive distribution. The variance is the mean
        variance of p(x|z) plus the variance of its means.
    samples
        float32 [n, C, H, W]: the means of p(x|z) at latents of q(z|x).
    draws
        float32 [n, C, H, W]: images drawn from p(x|z) at the same latents, clamped to [0, 1].
    z
        These latents, [n, d].
    """

    elbo: float
    rate: float
    distortion: float
    reconstruction: FloatArray
    mean: FloatArray
    std: FloatArray
    samples: FloatArray
    draws: FloatArray
    z: FloatArray


def inspecting(
    target: LatentTarget,
    samples: int = SAMPLES,
    shown: int = SHOWN,
    seed: int = 0,
    q: VariationalPosterior | None = None,
) -> Iterator[Inspection | None]:
    """Inspect an image in pieces; the last value is the result, the others are ``None``.

    Parameters
    ----------
    target
        The image and the model.
    samples
        Latents of q(z|x).
    shown
        How many of them are returned with their images, at most ``samples``.
    seed
        Of all noise.
    q
        Instead of the encoder's q(z|x): a refined one.
    """
    model, shown = target.model, min(shown, samples)
    likelihood, log_likelihoods = model.likelihood, []
    with torch.no_grad(), fixed_noise(target.x.device, seed):
        if isinstance(model, VAE):
            q = model.infer(target.batch) if q is None else q
            draw = q.rsample(samples)
            z, mean, rate = draw.z[:, 0], q.mean, target.rate(q, draw)
        else:
            mean, _ = model.encode(target.batch)
            z = model.sample_posterior(target.batch, samples)[:, 0]
            bound = model.bound(target.batch, samples)
            rate, log_likelihoods = bound.rate[:, 0], [bound.log_likelihood[:, 0]]
        reconstruction = likelihood.mean(target.output(mean))[0]
    yield None
    is_measured = bool(log_likelihoods)
    means, variances, drawn = [], [], []
    for start in range(0, samples, target.piece):
        with torch.no_grad(), fixed_noise(target.x.device, seed + 1 + start):
            output = target.output(z[start : start + target.piece])
            means.append(likelihood.mean(output))
            variances.append(likelihood.std(output) ** 2)
            if start < shown:
                drawn.append(likelihood.sample(output).clamp(0, 1))
            if not is_measured:
                log_likelihoods.append(target.log_likelihood_of(output))
        yield None
    every = torch.cat(means)
    variance = torch.cat(variances).mean(0) + every.var(0, unbiased=False)
    distortion, nats = -torch.cat(log_likelihoods).mean().item(), rate.mean().item()
    yield Inspection(
        elbo=-distortion - nats,
        rate=nats,
        distortion=distortion,
        reconstruction=_numpy(reconstruction),
        mean=_numpy(every.mean(0)),
        std=_numpy(variance.sqrt()),
        samples=_numpy(every[:shown]),
        draws=_numpy(torch.cat(drawn)[:shown]),
        z=_numpy(z[:shown]),
    )


def _numpy(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().float().cpu().contiguous().numpy()
    return array
