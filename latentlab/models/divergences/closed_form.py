"""Distances of a sample from N(0, I) whose expectations over the prior have a closed form: no draws from it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from latentlab.models.divergences.base import Divergence, Latents
from latentlab.models.divergences.mmd import off_diagonal_mean, squared_distances

# Above this r²/2 the mean distance is √(r² + d − 1) to within rounding, and the series would be long.
MAX_HALF_SQUARE = 1e4
MAX_TERMS = int(2 * (12 * math.sqrt(MAX_HALF_SQUARE) + 40)) + 1


def energy_distance(z: Tensor) -> Tensor:
    """Unbiased estimate of 2 E‖Z − Y‖ − E‖Z − Z'‖ − E‖Y − Y'‖ with Y, Y' ~ N(0, I) and z [N, d], N ≥ 2.

    The terms with Y are exact.

    Examples
    --------
    >>> near, far = torch.randn(500, 2), torch.randn(500, 2) + 2
    >>> bool(energy_distance(near) < 0.1 < energy_distance(far))
    True

    References
    ----------
    Székely & Rizzo 2013, Energy statistics: A class of statistics based on distances.
    """
    count, size = z.shape
    pairs = _distances(z).sum() / (count * (count - 1))
    return 2 * expected_distance(z).mean() - pairs - _mean_prior_distance(size)


def _distances(z: Tensor) -> Tensor:
    """Distances [N, N]; on the diagonal 0 with a gradient of 0, where the gradient of the square root is infinite."""
    squares = ((z[:, None, :] - z[None, :, :]) ** 2).sum(-1)
    positive = squares > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, squares, 1.0)), 0.0)


def _mean_prior_distance(size: int) -> float:
    """E‖Y − Y'‖ = 2 Γ((d + 1)/2) / Γ(d/2)."""
    return 2 * math.exp(math.lgamma((size + 1) / 2) - math.lgamma(size / 2))


def expected_distance(z: Tensor) -> Tensor:
    """E‖z − Y‖ with Y ~ N(0, I) for z [N, d], shape [N].

    √2 Γ((d+1)/2)/Γ(d/2) · M(−1/2, d/2, −r²/2), the mean of a noncentral chi. By Kummer's transformation M is
    exp(−r²/2) M((d+1)/2, d/2, r²/2), a sum of positive terms: a Poisson mixture of the means of central chis.
    """
    mean: Tensor = _MeanDistance.apply(0.5 * (z * z).sum(1), z.shape[1])
    return mean


def _noncentral_chi_mean(half: Tensor, size: int) -> Tensor:
    """E‖z − Y‖ from half = r²/2: Σ over k of Poisson(k; half) · √2 Γ((d+1)/2 + k) / Γ(d/2 + k)."""
    near = half.clamp(max=MAX_HALF_SQUARE)
    # The Poisson distribution has all its mass within 12 standard deviations of its mean.
    spread = 12 * torch.sqrt(near) + 40
    first = torch.floor((near - spread).clamp_min(0))
    steps = torch.arange(_terms(spread), device=half.device, dtype=half.dtype)
    k = first[:, None] + steps[None, :]
    log_poisson = torch.xlogy(k, near[:, None]) - near[:, None] - torch.lgamma(k + 1)
    log_chi = 0.5 * math.log(2) + torch.lgamma(k + (size + 1) / 2) - torch.lgamma(k + size / 2)
    series = torch.exp(log_poisson + log_chi).sum(1)
    return torch.where(half > MAX_HALF_SQUARE, torch.sqrt(2 * half + size - 1), series)


def _terms(spread: Tensor) -> int:
    """Number of terms of the series, ``spread`` on either side of the mean.

    On CUDA the largest number possible: reading the data would synchronise, and cannot be captured in a graph.
    """
    return int(2 * spread.max()) + 1 if spread.device.type != "cuda" else MAX_TERMS


class _MeanDistance(torch.autograd.Function):
    """The mean distance and its exact derivative, without saving the series for backward.

    d/dλ Σ Poisson(k; λ) a_k = Σ Poisson(k; λ) (a_{k+1} − a_k), and a_{k+1} are those of d + 2 dimensions.
    """

    @staticmethod
    def forward(ctx: Any, half: Tensor, size: int) -> Tensor:
        precise = half if half.device.type == "mps" else half.double()
        value = _noncentral_chi_mean(precise, size)
        ctx.save_for_backward((_noncentral_chi_mean(precise, size + 2) - value).to(half.dtype))
        return value.to(half.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        scaled: Tensor = gradient * slope
        return scaled, None


def kernel_distance(z: Tensor, width: float | None = None) -> Tensor:
    """Unbiased estimate of E k(Z, Z') − 2 E k(Z, Y) + E k(Y, Y') for k(a, b) = exp(−‖a − b‖²/(2 h)), z [N, d], N ≥ 2.

    h, the kernel's ``width``, is d by default. The kernel convolved with N(0, I) is Gaussian again, so that both terms
    with Y are exact: h + 1 and h + 2 replace h.
    """
    size = z.shape[1]
    h = float(size) if width is None else width
    within = off_diagonal_mean(torch.exp(-squared_distances(z, z) / (2 * h)))
    across = math.pow(h / (h + 1), size / 2) * torch.exp(-(z * z).sum(1) / (2 * (h + 1)))
    return within - 2 * across.mean() + math.pow(h / (h + 2), size / 2)


class Energy(Divergence):
    """Energy distance from N(0, I).

    References
    ----------
    Turinici 2021, Radon–Sobolev Variational Auto-Encoders (arXiv:1911.13135).
    """

    def __call__(self, latents: Latents) -> Tensor:
        """The estimate; 0 for a single image, which has no pairs."""
        return energy_distance(latents.z) if len(latents.z) > 1 else latents.z.sum() * 0


class Kernel(Divergence):
    """Distance from N(0, I) in the feature space of a Gaussian kernel."""

    def __call__(self, latents: Latents) -> Tensor:
        """The estimate; 0 for a single image, which has no pairs."""
        return kernel_distance(latents.z) if len(latents.z) > 1 else latents.z.sum() * 0
