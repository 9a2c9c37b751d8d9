"""Monotonic rational-quadratic splines: invertible functions of one variable with a known derivative."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

RANGE = 4.0
"""Splines bend within ±4, and are the identity beyond."""

_LEAST = 1e-3  # width and height of a bin, relative to the range, and slope at a knot
# softplus(_UNIT) + _LEAST = 1: outputs of 0 are the identity.
_UNIT = math.log(math.expm1(1 - _LEAST))


class SplineParameters(NamedTuple):
    """Knots of splines with K bins.

    Attributes
    ----------
    x, y
        Positions of the knots, [..., K + 1] each, rising from −4 to 4.
    slopes
        Derivatives at the knots, [..., K + 1], above 0; 1 at both ends.
    """

    x: Tensor
    y: Tensor
    slopes: Tensor


def spline_parameters(outputs: Tensor) -> SplineParameters:
    """Knots from unconstrained outputs [..., 3 K − 1] of a network; zeros give the identity."""
    bins = (outputs.shape[-1] + 1) // 3
    widths, heights, slopes = torch.split(outputs, [bins, bins, bins - 1], -1)
    inner = functional.softplus(slopes + _UNIT) + _LEAST
    return SplineParameters(_knots(widths), _knots(heights), functional.pad(inner, (1, 1), value=1.0))


def _knots(sizes: Tensor) -> Tensor:
    bins = sizes.shape[-1]
    shares = _LEAST + (1 - _LEAST * bins) * torch.softmax(sizes, -1)
    inner = 2 * RANGE * torch.cumsum(shares[..., :-1], -1) - RANGE
    return torch.cat([torch.full_like(sizes[..., :1], -RANGE), inner, torch.full_like(sizes[..., :1], RANGE)], -1)


def spline(x: Tensor, parameters: SplineParameters, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """Value and logarithm of the derivative of splines at x [...], or those of their inverses.

    Parameters
    ----------
    x
        [...].
    parameters
        One spline for each element of x.
    inverse
        Whether to take the inverse function.

    Examples
    --------
    >>> parameters = spline_parameters(torch.randn(5, 3 * 8 - 1))
    >>> y, log_slope = spline(torch.linspace(-5, 5, 5), parameters)
    >>> back, log_slope_back = spline(y, parameters, inverse=True)
    >>> torch.allclose(back, torch.linspace(-5, 5, 5), atol=1e-4)
    True

    References
    ----------
    Gregory & Delbourgo 1982, Piecewise rational quadratic interpolation to monotonic data; Durkan et al. 2019, Neural
    Spline Flows (arXiv:1906.04032), section 3.1 and appendix A.
    """
    inside = (x > -RANGE) & (x < RANGE)
    # Values beyond the range take part in the arithmetic too: there they are replaced by one within.
    within = torch.where(inside, x, 0.0)
    known = parameters.y if inverse else parameters.x
    index = torch.searchsorted(known[..., 1:-1].contiguous(), within[..., None], right=True)
    x0, x1, y0, y1, d0, d1 = (values.gather(-1, index + offset)[..., 0] for values in parameters for offset in (0, 1))
    width, height = x1 - x0, y1 - y0
    secant = height / width
    bend = d0 + d1 - 2 * secant
    if inverse:
        rise = within - y0
        a = height * (secant - d0) + rise * bend
        b = height * d0 - rise * bend
        c = -secant * rise
        root = torch.sqrt((b**2 - 4 * a * c).clamp_min(0))
        at = 2 * c / (-b - root)
        result = at * width + x0
    else:
        at = (within - x0) / width
        mixed = secant + bend * at * (1 - at)
        result = y0 + height * (secant * at**2 + d0 * at * (1 - at)) / mixed
    mixed = secant + bend * at * (1 - at)
    slope = secant**2 * (d1 * at**2 + 2 * secant * at * (1 - at) + d0 * (1 - at) ** 2) / mixed**2
    log_slope = torch.where(inside, torch.log(slope), 0.0)
    return torch.where(inside, result, x), -log_slope if inverse else log_slope
