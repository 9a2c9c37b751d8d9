"""Maximum mean discrepancy, as in InfoVAE and the Wasserstein autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.divergences.base import Divergence, Latents

# Kernel widths of Tolstikhin et al. 2018, in units of 2 d σ² with the prior's σ = 1.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(x: Tensor, y: Tensor, kernel: str = "imq") -> Tensor:
    """Unbiased estimate of the squared MMD of samples x [M, d] and y [N, d], M, N ≥ 2.

    Sum over ``SCALES`` of the off-diagonal means within each sample minus twice the mean across samples. For equal
    distributions its expectation is 0 at every sample size, so that it is negative about half of the time.

    Examples
    --------
    >>> x = torch.randn(500, 2)
    >>> bool(mmd(x, torch.randn(500, 2)) < 0.1 < mmd(x, torch.randn(500, 2) + 2))
    True

    References
    ----------
    Gretton et al. 2012, A Kernel Two-Sample Test.
    Zhao, Song & Ermon 2019, InfoVAE (arXiv:1706.02262).
    Tolstikhin et al. 2018, Wasserstein Auto-Encoders (arXiv:1711.01558).
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
    """Squared distances [M, N] by one matrix product, clamped to ≥ 0 against rounding."""
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * x @ y.T
    return squares.clamp_min(0)


def _kernel(squared: Tensor, width: float, kernel: str) -> Tensor:
    return torch.exp(-squared / width) if kernel == "rbf" else width / (width + squared)


def off_diagonal_mean(values: Tensor) -> Tensor:
    """Mean of values [N, N] without the diagonal."""
    size = len(values)
    return (values.sum() - values.diagonal().sum()) / (size * (size - 1))


class MMD(Divergence):
    """Squared MMD between the latents and as many draws from the prior."""

    def __call__(self, latents: Latents) -> Tensor:
        """The estimate; 0 for a single image, which has no pairs."""
        if len(latents.z) < 2:
            return latents.z.sum() * 0
        return mmd(latents.z, latents.sample_prior(len(latents.z)).detach(), self.config.kernel)
