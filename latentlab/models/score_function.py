"""The score-function (REINFORCE) gradient, beside which the reparameterised one shines (Williams 1992)."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.posteriors import PosteriorSample, VariationalPosterior


def leave_one_out(values: Tensor) -> Tensor:
    """Each sample's value less the mean of the others', [K, B] with K ≥ 2: a baseline that costs no bias."""
    samples = len(values)
    return (values - values.mean(0)) * (samples / (samples - 1))


def score_surrogate(q: VariationalPosterior, draw: PosteriorSample, log_likelihood: Tensor) -> Tensor:
    """[K, B] whose gradient estimates that of −E_q[log p(x|z)] in q's parameters, z held fixed."""
    return -leave_one_out(log_likelihood.detach()) * q.log_prob(draw.z.detach())


def gradient_variances(q: VariationalPosterior, z: Tensor, log_likelihood: Tensor) -> dict[str, Tensor]:
    """Variance of one sample's gradient of log p(x|z) in q's mean, by either estimator.

    Summed over dimensions, as means over the images. ``z`` is [K, B, d], a leaf that ``log_likelihood`` [K, B]
    came from.
    """
    (through,) = torch.autograd.grad(log_likelihood.sum(), z, retain_graph=True)
    score = (z - q.mean) / q.std**2 * leave_one_out(log_likelihood).unsqueeze(-1)
    return {
        "gradient_variance_score": score.detach().var(0).sum(-1).mean(),
        "gradient_variance_reparameterised": through.var(0).sum(-1).mean(),
    }
