"""A posterior on the sphere: the von Mises–Fisher distribution."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.bessel import log_bessel_i
from latentlab.models.functional import soft_clip
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior

# Of log κ. Below, q is uniform to .001 nats; above, an angle is below its rounding in float32 a few times only.
LOG_CONCENTRATION = (-3.0, 9.0)
_START = 2.0  # log κ of an untrained head
# Quadrature of the angle's distribution function: nodes, and how far from the angle, in its standard deviations.
_NODES, _REACH = 64, 12.0


def log_area(size: int) -> float:
    """Logarithm of the area of the unit sphere in ``size`` dimensions: log 2π for a circle."""
    return math.log(2) + 0.5 * size * math.log(math.pi) - math.lgamma(0.5 * size)


class VonMisesFisher(VariationalPosterior):
    """The density exp(κ μᵀz) / Z(κ) on the unit sphere.

    Parameters
    ----------
    direction
        μ, [B, d] of length 1, d ≥ 2.
    concentration
        κ, [B], above 0: the distribution is uniform at 0, and narrow where it is large.

    Examples
    --------
    >>> q = VonMisesFisher(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([5.0]))
    >>> z = q.rsample(4).z
    >>> torch.allclose(z.norm(dim=-1), torch.ones(4, 1))
    True
    >>> q.kl_to_prior().sum().item() < VonMisesFisher(q.mean, torch.tensor([50.0])).kl_to_prior().sum().item()
    True

    References
    ----------
    Davidson et al. 2018, Hyperspherical Variational Auto-Encoders (arXiv:1804.00891). Wood 1994, Simulation of the von
    Mises Fisher distribution. The gradient through the angle: Figurnov, Mohamed & Mnih 2018, Implicit
    Reparameterization Gradients (arXiv:1805.08498).
    """

    def __init__(self, direction: Tensor, concentration: Tensor) -> None:
        self._direction = direction
        self.concentration = concentration

    @property
    def mean(self) -> Tensor:
        """μ, the mean direction, [B, d]: the mean itself lies within the sphere."""
        return self._direction

    @property
    def std(self) -> Tensor:
        """Standard deviation of each coordinate, [B, d]."""
        kappa, size = self.concentration.double(), self._direction.shape[-1]
        resultant = self._resultant()
        across = resultant / kappa
        along = (1 - resultant**2 - (size - 1) * across).clamp_min(0)
        squares = self._direction.double() ** 2
        variance = across[:, None] * (1 - squares).clamp_min(0) + along[:, None] * squares
        return variance.clamp_min(1e-12).sqrt().to(self._direction.dtype)

    def _resultant(self) -> Tensor:
        """E[μᵀz] = I_{d/2}(κ) / I_{d/2−1}(κ) in double precision, [B]."""
        kappa, half = self.concentration.double(), self._direction.shape[-1] / 2
        return torch.exp(log_bessel_i(half, kappa) - log_bessel_i(half - 1, kappa))

    def _log_normaliser(self) -> Tensor:
        """Log 1/Z(κ) in double precision, [B]."""
        kappa, half = self.concentration.double(), self._direction.shape[-1] / 2
        return (half - 1) * torch.log(kappa) - half * math.log(2 * math.pi) - log_bessel_i(half - 1, kappa)

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw the angle to μ by rejection, and its side uniformly; both have exact gradients."""
        mu = self._direction
        angle = self._angles(samples)[..., None]
        noise = torch.randn(samples, *mu.shape, dtype=mu.dtype, device=mu.device)
        side = functional.normalize(noise - (noise * mu).sum(-1, keepdim=True) * mu, dim=-1)
        z = torch.cos(angle) * mu + torch.sin(angle) * side
        return PosteriorSample(z, lambda: self.log_prob(z))

    def _angles(self, samples: int) -> Tensor:
        """Angles between z and μ, [samples, B], with the derivative by κ."""
        size, kappa = self._direction.shape[-1], self.concentration
        with torch.no_grad():
            angle = _draw_angles(kappa.detach().double().expand(samples, -1), size)
            slope = angle_slope(angle, kappa.detach().double().expand(samples, -1), size)
        slope, angle = slope.to(kappa.dtype), angle.to(kappa.dtype)
        return angle + slope * (kappa - kappa.detach())

    def log_prob(self, z: Tensor) -> Tensor:
        """Log q(z|x) in nats, [K, B], of latents on the sphere."""
        # κ (μᵀz − 1), whose terms do not cancel, in single precision.
        closeness = -0.5 * ((z - self._direction) ** 2).sum(-1)
        return self.concentration * closeness + (self._log_normaliser() + self.concentration.double()).to(z.dtype)

    def kl_to_prior(self) -> Tensor:
        """KL to the uniform distribution in nats, in equal parts for all dimensions, [B, d].

        The coordinates of a point on a sphere depend on each other, so that none has a rate of its own.
        """
        size = self._direction.shape[-1]
        total = self.concentration.double() * self._resultant() + self._log_normaliser() + log_area(size)
        return (total / size).to(self._direction.dtype)[:, None].expand(-1, size)

    def parameters(self) -> tuple[Tensor, ...]:
        """μ and κ."""
        return self._direction, self.concentration


def _draw_angles(kappa: Tensor, size: int) -> Tensor:
    """Angles [...] of draws to the mean direction, for κ [...], by Wood's rejection: at least two of three are kept."""
    rest = size - 1.0
    b = rest / (2 * kappa + torch.sqrt(4 * kappa**2 + rest**2))
    x0 = (1 - b) / (1 + b)
    c = kappa * x0 + rest * torch.log(4 * b / (1 + b) ** 2)
    angle = torch.empty_like(kappa)
    open_ = torch.ones_like(kappa, dtype=torch.bool)
    beta = torch.distributions.Beta(torch.full_like(kappa, rest / 2), torch.full_like(kappa, rest / 2))
    while bool(open_.any()):
        drawn = beta.sample()
        # 1 − cos of the angle, which does not cancel where the angle is small.
        missing = 2 * b * drawn / (1 - (1 - b) * drawn)
        w = 1 - missing
        accepted = kappa * w + rest * torch.log(1 - x0 * w) - c >= torch.log(torch.rand_like(w))
        fits = open_ & accepted
        angle = torch.where(fits, 2 * torch.asin(torch.sqrt((missing / 2).clamp(0, 1))), angle)
        open_ = open_ & ~accepted
    return angle


def angle_slope(angle: Tensor, kappa: Tensor, size: int) -> Tensor:
    """Derivative of a draw's angle by κ, the draw's rank held fixed: −∂_κ F(angle; κ) / f(angle; κ).

    The density of the angle is f(t) ∝ exp(κ cos t) sin^{d−2} t, so that ∂_κ F = ∫₀ᵗ (cos s − E[cos]) f(s) ds. The
    integral is taken on the side of the angle away from the mode, relative to f at the angle: nothing overflows.

    Parameters
    ----------
    angle, kappa
        [...], in double precision.
    size
        d, of the space around the sphere.
    """
    power = size - 2.0
    nodes, weights = (torch.from_numpy(each).to(angle) for each in np.polynomial.legendre.leggauss(_NODES))
    resultant = torch.exp(log_bessel_i(size / 2, kappa) - log_bessel_i(size / 2 - 1, kappa))
    mode = torch.acos(((-power + torch.sqrt(power**2 + 4 * kappa**2)) / (2 * kappa)).clamp(-1, 1))
    reach = _REACH / torch.sqrt(kappa + size)
    below = angle < mode
    start = torch.where(below, (angle - reach).clamp_min(0), angle)
    end = torch.where(below, angle, (angle + reach).clamp_max(math.pi))
    at = start[..., None] + (end - start)[..., None] * (nodes + 1) / 2
    cos_angle, cos_at = torch.cos(angle)[..., None], torch.cos(at)
    ratio = torch.log(torch.sin(at).clamp_min(1e-300)) - torch.log(torch.sin(angle).clamp_min(1e-300))[..., None]
    relative = torch.exp(kappa[..., None] * (cos_at - cos_angle) + power * ratio)
    integral = ((cos_at - resultant[..., None]) * relative * weights).sum(-1) * (end - start) / 2
    return torch.where(below, -integral, integral)


class VonMisesFisherPosterior(Posterior):
    """Two heads: a vector, of which the direction is taken, and the logarithm of κ, soft-clipped.

    Examples
    --------
    >>> head = VonMisesFisherPosterior(PosteriorConfig(kind="von-mises-fisher"), features=4, latent_dim=3)
    >>> bool(torch.allclose(head(torch.randn(5, 4)).mean.norm(dim=-1), torch.ones(5)))
    True
    """

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.direction = nn.Linear(features, latent_dim)
        self.log_concentration = nn.Linear(features, 1)
        with torch.no_grad():
            self.log_concentration.bias.fill_(_START)

    def forward(self, features: Tensor) -> VonMisesFisher:
        """Compute q(z|x)."""
        log_kappa = soft_clip(self.log_concentration(features)[:, 0], *LOG_CONCENTRATION)
        return VonMisesFisher(functional.normalize(self.direction(features), dim=-1), torch.exp(log_kappa))
