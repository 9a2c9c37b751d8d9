"""Maximum mean discrepancy (Gretton et al. 2012), as in InfoVAE and the Wasserstein autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.divergences.base import Divergence, Latents

# Of Tolstikhin et al. 2018, times 2 d σ² with σ = 1 the prior's.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(x: Tensor, y: Tensor, kernel: str = "imq") -> Tensor:
    """Unbiased estimate of the squared MMD of samples x [M, d] and y [N, d], M, N ≥ 2.

    Off-diagonal means within each sample, the mean across: 0 in expectation for equal distributions at every
    sample size (and so negative half of the time). Summed over ``SCALES``.
    """
    base = 2.0 * x.shape[1]
    total = x.new_zeros(())
    within_x, within_y, across = squared_distances(x, x), squared_distances(y, y), squared_distances(x, y)
    for scale in SCALES:
        width = scale * base
        total = total + off_diagonal_mean(_kernel(within_x, width, kernel))
        total = total + off_diagonal_mean(_kernel(within_y, width, kernel))
        total = total - 2 * _kernel(across, width, kernel).mean()
    return total


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared distances [M, N], by one product of matrices; rounding may not take them below 0."""
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * x @ y.T
    return squares.clamp_min(0)


def _kernel(squared: Tensor, width: float, kernel: str) -> Tensor:
    return torch.exp(-squared / width) if kernel == "rbf" else width / (width + squared)


def off_diagonal_mean(values: Tensor) -> Tensor:
    """Mean of a square of values [N, N] without its diagonal."""
    size = len(values)
    return (values.sum() - values.diagonal().sum()) / (size * (size - 1))


class MMD(Divergence):
    """Against as many draws from the prior."""

    def __call__(self, latents: Latents) -> Tensor:
        """Estimate the squared MMD; 0 for a single image, which has no pair."""
        if len(latents.z) < 2:
            return latents.z.sum() * 0
        return mmd(latents.z, latents.sample_prior(len(latents.z)).detach(), self.config.kernel)
