"""Gradients through the sample alone, without the score term: sticking the landing, and doubly reparameterised.

The log-weight log w = log p(x, z) − log q_φ(z|x) of z = T(ε, φ) depends on φ through z, and directly through q_φ. The
direct part is minus the score ∇_φ log q_φ(z|x), whose expectation is 0 but whose variance is not: it is left out
(Roeder et al. 2017). In the importance-weighted bound its expectation is not 0, but equals that of another gradient
through the sample: Σ_k w̃_k ∇ log w_k with normalised weights w̃_k becomes Σ_k w̃_k² ∂log w_k/∂z_k · ∂z_k/∂φ (Tucker et
al. 2019). Both are 0, without variance, where q is the exact posterior.

References
----------
Roeder, Wu & Duvenaud 2017, Sticking the Landing (arXiv:1703.09194).
Tucker, Lawson, Gu & Maddison 2019, Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives
(arXiv:1810.04152).
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.posteriors import PosteriorSample, VariationalPosterior


def without_score(q: VariationalPosterior, z: Tensor) -> PosteriorSample:
    """``z`` [K, B, d] drawn from ``q``, whose log-density has a gradient with respect to ``z`` only."""
    fixed = q.with_parameters(tuple(parameter.detach() for parameter in q.parameters()))
    return PosteriorSample(z, lambda: fixed.log_prob(z))


class DoublyReparameterised:
    """Weights the gradient that passes through the samples of the importance-weighted bound by w̃ once more.

    The generative model's gradient, which does not pass through the samples, keeps its weights w̃.
    """

    def __init__(self) -> None:
        self._weights: Tensor | None = None

    def watched(self, z: Tensor) -> Tensor:
        """``z`` [K, B, d], whose gradient will be weighted."""
        if not z.requires_grad:
            return z
        watched = z.view_as(z)
        watched.register_hook(self._weighted)  # type: ignore[no-untyped-call]
        return watched

    def set_log_weights(self, log_weights: Tensor) -> None:
        """Set the log-weights [K, B], before the backward pass."""
        self._weights = torch.softmax(log_weights.detach(), 0).unsqueeze(-1)

    def _weighted(self, gradient: Tensor) -> Tensor:
        assert self._weights is not None
        return gradient * self._weights
