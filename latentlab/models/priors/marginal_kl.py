"""KL of each dimension of a posterior to the same dimension of a prior that is a mixture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentlab.models.functional import LOG_2PI, gaussian_log_density, log_mean_exp
from latentlab.models.priors.mixtures import MAX_ELEMENTS

# Nodes of the quadrature; it is exact where the logarithm of the prior's density is a polynomial of degree 15.
NODES = 8


def marginal_kl(mean: Tensor, std: Tensor, component_means: Tensor, component_log_stds: Tensor) -> Tensor:
    """KL(N(mean, std²) ‖ p_j) in nats, [B, d], for p_j = 1/K Σ_k N(component_means_kj, component_stds_kj²).

    With p_j the prior's density of dimension j alone, this is what dimension j costs by itself. Under N(0, I) these
    sum to the rate of a diagonal Gaussian. Under a mixture, whose dimensions depend on each other, they do not.

    The entropy of q is exact; E_q[log p_j] is a Gauss–Hermite quadrature.

    Parameters
    ----------
    mean, std
        [B, d] each; 0 where a standard deviation is 0, as a point has no density.
    component_means, component_log_stds
        [K, d] each.

    Examples
    --------
    >>> mean, zeros = torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)
    >>> marginal_kl(mean, torch.ones(1, 2), zeros, zeros)
    tensor([[0.5000, 0.0000]])
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    steps, shares = (mean.new_tensor(values.tolist()) for values in (nodes, weights / weights.sum()))
    safe = std.clamp_min(1e-30)
    z = (mean + safe * steps[:, None, None]).flatten(0, 1)
    rows = max(1, MAX_ELEMENTS // component_means.numel())
    parts = [
        log_mean_exp(gaussian_log_density(part[:, None], component_means, component_log_stds), dim=1)
        for part in torch.split(z, rows)
    ]
    log_prior = torch.cat(parts).view(NODES, *mean.shape)
    entropy = 0.5 * (LOG_2PI + 1) + torch.log(safe)
    kl = -entropy - torch.einsum("n,nbd->bd", shares, log_prior)
    return torch.where(std > 0, kl, 0.0)
