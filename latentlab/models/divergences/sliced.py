"""Sliced-Wasserstein distance (Kolouri et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from latentlab.models.divergences.base import Divergence, Latents


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Mean over directions of the squared 2-Wasserstein distance of the samples projected on them.

    x and y are [N, d], ``directions`` [P, d] of length 1. On a line the best pairing is by rank: sort, then square.
    """
    along_x, along_y = (sample @ directions.T for sample in (x, y))
    return ((along_x.sort(0).values - along_y.sort(0).values) ** 2).mean()


class SlicedWasserstein(Divergence):
    """Against as many draws from the prior, along new random directions each time.

    Two samples of N from one distribution are about 1/N apart as well; that floor is known and subtracted, by the
    distance of two samples of the prior, so that a perfect match costs nothing at any batch size.
    """

    def __call__(self, latents: Latents) -> Tensor:
        """Estimate the squared distance above that of a match."""
        count, size = latents.z.shape
        directions = functional.normalize(torch.randn(self.config.projections, size, device=latents.z.device), dim=1)
        first, second, third = (latents.sample_prior(count).detach() for _ in range(3))
        distance = sliced_wasserstein(latents.z, first, directions)
        return distance - sliced_wasserstein(second, third, directions)
