"""The score-function gradient (REINFORCE), for comparison with the reparameterised one.

References
----------
Williams 1992, Simple statistical gradient-following algorithms for connectionist reinforcement learning.
Mnih & Rezende 2016, Variational Inference for Monte Carlo Objectives (arXiv:1602.06725), and Kool, van Hoof & Welling
2019, Buy 4 REINFORCE Samples, Get a Baseline for Free!, for the other samples as baseline. A learned baseline, as in
Mnih & Gregor 2014 (arXiv:1402.0030), is not used.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.posteriors import VariationalPosterior


def leave_one_out(values: Tensor) -> Tensor:
    """Each sample's value minus the mean of the other samples', [K, B] with K ≥ 2: an unbiased baseline."""
    samples = len(values)
    return (values - values.mean(0)) * (samples / (samples - 1))


def score_surrogate(q: VariationalPosterior, z: Tensor, signal: Tensor) -> Tensor:
    """[K, B], whose gradient at fixed ``z`` [K, B, d] estimates that of −E_q[signal] with respect to q's parameters.

    ``signal`` [K, B] is log p(x|z), minus the weighted log q(z|x) − log p(z) where the rate is sampled. The gradient of
    E_q[log q] needs no further term, as E_q[∇ log q] = ∇ ∫ q = 0.
    """
    return -leave_one_out(signal.detach()) * q.log_prob(z)


def gradient_variances(q: VariationalPosterior, z: Tensor, log_likelihood: Tensor) -> dict[str, Tensor]:
    """Variance of one sample's gradient of log p(x|z) with respect to q's mean, for both estimators.

    Summed over dimensions, averaged over images. ``z`` [K, B, d] is a leaf from which ``log_likelihood`` [K, B] was
    computed.
    """
    (gradient,) = torch.autograd.grad(log_likelihood.sum(), z, retain_graph=True)
    score = (z - q.mean) / q.std**2 * leave_one_out(log_likelihood).unsqueeze(-1)
    return {
        "gradient_variance_score": score.detach().var(0).sum(-1).mean(),
        "gradient_variance_reparameterised": gradient.var(0).sum(-1).mean(),
    }
