"""The modified Bessel function of the first kind, which normalises densities on spheres."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TERMS = 96
# From here on the logarithm by the asymptotic series is exact to 3e-8; before, the power series has ended within its
# terms, exact to rounding.
_LARGE = 25.0


def log_bessel_i(order: float, x: Tensor) -> Tensor:
    """Log I_order(x) for order ≥ 0 and x > 0 in double precision, with derivatives by x.

    Parameters
    ----------
    order
        ν, 0 or more.
    x
        float64 [...], above 0.

    Examples
    --------
    >>> log_bessel_i(0.0, torch.tensor([1e-9, 1.0, 1000.0], dtype=torch.float64)).round(decimals=4).abs()
    tensor([0.0000e+00, 2.3590e-01, 9.9563e+02], dtype=torch.float64)

    References
    ----------
    NIST Digital Library of Mathematical Functions, 10.25.2 (power series) and 10.41.3 (uniform asymptotic expansion).
    """
    is_large = torch.hypot(x, torch.full_like(x, order)) >= _LARGE
    # Each branch gets values that suit it, so that no derivative is NaN where the other one is taken.
    return torch.where(
        is_large,
        _asymptotic(order, torch.where(is_large, x, _LARGE)),
        _power_series(order, torch.where(is_large, 1.0, x)),
    )


def _power_series(order: float, x: Tensor) -> Tensor:
    """Log Σ_m (x/2)^{2m+ν} / (m! Γ(m+ν+1))."""
    m = torch.arange(_TERMS, dtype=x.dtype, device=x.device)
    logs = (2 * m + order) * torch.log(x / 2)[..., None] - torch.lgamma(m + 1) - torch.lgamma(m + order + 1)
    return torch.logsumexp(logs, -1)


def _asymptotic(order: float, x: Tensor) -> Tensor:
    """Debye's expansion in 1/p, p = √(ν² + x²), which holds for every ν where p is large."""
    p = torch.sqrt(x**2 + order**2)
    t2 = (order / p) ** 2
    u1 = (3 - 5 * t2) / 24
    u2 = (81 - 462 * t2 + 385 * t2**2) / 1152
    u3 = (30375 - 369603 * t2 + 765765 * t2**2 - 425425 * t2**3) / 414720
    u4 = (4465125 - 94121676 * t2 + 349922430 * t2**2 - 446185740 * t2**3 + 185910725 * t2**4) / 39813120
    series = u1 / p + u2 / p**2 + u3 / p**3 + u4 / p**4
    exponent = p + (order * torch.log(x / (order + p)) if order else 0.0)
    return exponent - 0.5 * torch.log(2 * math.pi * p) + torch.log1p(series)
