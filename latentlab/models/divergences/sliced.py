"""Sliced-Wasserstein distance."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.models.divergences.base import Divergence, Latents


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Mean over directions of the squared 2-Wasserstein distance between the projected samples.

    x and y are [N, d], ``directions`` [P, d] of length 1. In one dimension the optimal coupling is by rank.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> sliced_wasserstein(x, x.flip(0) + 2, torch.ones(1, 1)).item()
    4.0

    References
    ----------
    Kolouri et al. 2019, Sliced-Wasserstein Autoencoder (arXiv:1804.01947).
    """
    along_x, along_y = (sample @ directions.T for sample in (x, y))
    return ((along_x.sort(0).values - along_y.sort(0).values) ** 2).mean()


class SlicedWasserstein(Divergence):
    """Distance between the latents and as many draws from the prior, along new random directions at every call.

    Two samples of size N from one distribution have an expected distance of order 1/N. It is estimated from two
    samples of the prior and subtracted, so that a perfect match costs nothing at any batch size.
    """

    def __call__(self, latents: Latents) -> Tensor:
        """The estimated squared distance minus that of a perfect match."""
        count, size = latents.z.shape
        directions = functional.normalize(torch.randn(self.config.projections, size, device=latents.z.device), dim=1)
        first, second, third = (latents.sample_prior(count).detach() for _ in range(3))
        distance = sliced_wasserstein(latents.z, first, directions)
        return distance - sliced_wasserstein(second, third, directions)
