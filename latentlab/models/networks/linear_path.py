"""An affine path beside the networks, from images to latents and back, which begins with principal components."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.models.networks.base import ImageShape

LARGEST_SIDE = 64  # pixels: larger images are averaged over areas to at most this size on the path
_FEWEST = 16  # components that the encoder reads
_SPARE = 8  # further ones that are computed, for the accuracy of the last
_ITERATIONS = 6  # of the subspace iteration that finds them
_SMALLEST = 1e-6  # variance of a component, relative to that of all


class Components(NamedTuple):
    """Principal components of some images, as the optimum of a linear VAE with as many latents has them.

    Attributes
    ----------
    coordinates
        Of the images along each component in standard deviations, [N, d]; 0 for components without variance.
    images
        The images, with the components alone, at the path's size, [N, C, h, w].
    shrinkage
        [d]: the posterior mean relative to the coordinate, √(1 − σ² / λ).
    log_std
        [d]: logarithm of the posterior's standard deviation, σ / √λ.
    """

    coordinates: Tensor
    images: Tensor
    shrinkage: Tensor
    log_std: Tensor


class LinearPath(nn.Module):
    """Principal components of an image as further features of the encoder, and an affine map from latents to pixels.

    The components are fixed; what the encoder's heads make of them is learned, and so is the affine map. Images with
    sides of more than 64 pixels are averaged over areas on the way in, and interpolated on the way out.

    Parameters
    ----------
    image_shape
        (C, H, W) of the images.
    latents
        Numbers that the decoder reads.
    outputs
        Channels C' that it gives.

    Attributes
    ----------
    features
        Number of components that the encoder reads: the latents' number, or 16.

    Examples
    --------
    >>> path = LinearPath((1, 8, 8), latents=2, outputs=1)
    >>> path.coordinates(torch.rand(5, 1, 8, 8)).shape, path(torch.zeros(5, 2)).shape
    (torch.Size([5, 16]), torch.Size([5, 1, 8, 8]))

    References
    ----------
    Tipping & Bishop 1999, Probabilistic Principal Component Analysis; Lucas et al. 2019, Don't Blame the ELBO! A Linear
    VAE Perspective on Posterior Collapse (arXiv:1911.02469).
    """

    mean: Tensor
    components: Tensor

    def __init__(self, image_shape: ImageShape, latents: int, outputs: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        factor = math.ceil(max(height, width) / LARGEST_SIDE)
        self.full, self.outputs = (height, width), outputs
        self.size = (math.ceil(height / factor), math.ceil(width / factor))
        values = channels * math.prod(self.size)
        self.features = max(latents, _FEWEST)
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("components", torch.zeros(self.features, values))
        self.pixels = nn.Linear(latents, outputs * math.prod(self.size))
        nn.init.zeros_(self.pixels.weight)
        nn.init.zeros_(self.pixels.bias)

    def _shrunk(self, x: Tensor) -> Tensor:
        return x if self.size == self.full else functional.adaptive_avg_pool2d(x, self.size)

    def _enlarged(self, maps: Tensor) -> Tensor:
        return maps if self.size == self.full else functional.interpolate(maps, self.full, mode="bilinear")

    def coordinates(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Coordinates of images [B, C, H, W] along the components in standard deviations, [B, ``features``].

        Pixels that a ``mask`` [B, 1, H, W] hides count as the mean.
        """
        centred = self._shrunk(x).flatten(1) - self.mean
        if mask is not None:
            seen = self._shrunk(mask.expand_as(x)).flatten(1)
            centred = centred * seen
        return functional.linear(centred, self.components)

    def forward(self, z: Tensor) -> Tensor:
        """The affine part of the likelihood's parameters, [B, C', H, W], for latents [B, D]."""
        return self._enlarged(self.pixels(z).view(z.shape[0], self.outputs, *self.size))

    @torch.no_grad()
    def fit_components(self, x: Tensor, latents: int) -> Components:
        """Set the components to those of images [N, C, H, W]; returns the first ``latents`` of them."""
        shrunk = self._shrunk(x)
        rows = shrunk.flatten(1)
        self.mean.copy_(rows.mean(0))
        centred = rows - self.mean
        total = centred.square().sum() / len(rows)
        most = max(1, min(self.features, len(rows) - 1, rows.shape[1]))
        _, singular, axes = torch.svd_lowrank(centred, q=min(most + _SPARE, *rows.shape), niter=_ITERATIONS)
        variances = singular[:most] ** 2 / len(rows)
        count = int((variances > _SMALLEST * total).sum())
        variances, axes = variances[:count], _with_signs(axes[:, :count])
        self.components.zero_()
        self.components[:count] = axes.T / variances.sqrt()[:, None]
        used = min(latents, count)
        left = (total - variances[:used].sum()).clamp_min(_SMALLEST * total) / max(1, rows.shape[1] - used)
        share = torch.ones(latents, device=x.device)
        share[:used] = (left / variances[:used]).clamp(_SMALLEST, 1.0)
        images = centred @ axes[:, :used] @ axes[:, :used].T + self.mean
        coordinates = self.coordinates(x)[:, :latents]
        return Components(coordinates, images.view_as(shrunk), (1 - share).sqrt(), 0.5 * share.log())


def _with_signs(axes: Tensor) -> Tensor:
    """The columns of axes [D, k], each with the sign that makes its largest element positive."""
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True)) if axes.numel() else axes[:1]
    return axes * torch.where(largest < 0, -1.0, 1.0)
