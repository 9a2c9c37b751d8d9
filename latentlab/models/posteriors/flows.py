"""Flow posteriors: a diagonal Gaussian transformed by invertible steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.networks.made import MADE
from latentlab.models.posteriors.base import Posterior, PosteriorSample, VariationalPosterior
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior

# Draws that estimate a flow's mean and standard deviation, which have no closed form.
MOMENT_SAMPLES = 64
# Initial logit of IAF's gates, which begin nearly open: σ = sigmoid(2) (Kingma et al. 2016).
OPEN_GATE = 2.0
# softplus(INVERSE_SOFTPLUS_OF_1) = 1.
INVERSE_SOFTPLUS_OF_1 = math.log(math.e - 1)

# Learning rate of planar flow's heads relative to the model's. Each of a plane's few numbers is a sum over all features
# of the encoder, with weights that begin at .01/√features. One step of Adam moves every weight by the whole rate, in
# one direction where the features are positive: u, w and b move by Θ(rate · Σ|features|), for all images alike. At a
# tenth, −ELBO of digits is 103.9 instead of 106.0 nats (40 latents, 8 planes, mean of three seeds).
PLANE_RATE = 0.1

Transform = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From z₀ [K, B, d] to z [K, B, d] and the log-determinant [K, B]."""


class Flow(VariationalPosterior):
    """z = f(z₀) with z₀ ~ a diagonal Gaussian: log q(z) = log q₀(z₀) − log|det ∂f/∂z₀|.

    Parameters
    ----------
    base
        Distribution of z₀.
    transform
        f, with its log-determinant.
    """

    def __init__(self, base: Diagonal, transform: Transform) -> None:
        self.base = base
        self.transform = transform
        self._moments: tuple[Tensor, Tensor] | None = None

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw from the base distribution and transform."""
        return self._transformed(self.base.rsample(samples))

    def from_noise(self, noise: Tensor) -> PosteriorSample:
        """Transform standard normal noise [K, B, d]."""
        return self._transformed(self.base.from_noise(noise))

    def _transformed(self, start: PosteriorSample) -> PosteriorSample:
        z, log_det = self.transform(start.z)
        return PosteriorSample(z, lambda: start.log_q - log_det)

    def parameters(self) -> tuple[Tensor, ...]:
        """Those of the base distribution; the transformation is the encoder's and stays."""
        return self.base.parameters()

    def with_parameters(self, parameters: tuple[Tensor, ...]) -> Flow:
        """The same transformation of another base distribution."""
        return Flow(Diagonal(*parameters), self.transform)

    @property
    def mean(self) -> Tensor:
        """Mean of 64 draws, the same at every call, [B, d]."""
        return self._estimated_moments()[0]

    @property
    def std(self) -> Tensor:
        """Standard deviation of the same draws, [B, d]."""
        return self._estimated_moments()[1]

    def _estimated_moments(self) -> tuple[Tensor, Tensor]:
        if self._moments is None:
            half = torch.randn(
                MOMENT_SAMPLES // 2, 1, self.base.mean.shape[-1], generator=torch.Generator().manual_seed(0)
            ).to(self.base.mean.device)
            # Antithetic draws: exact for an affine flow.
            z = self.transform(self.base.mean + self.base.std * torch.cat([half, -half]))[0]
            self._moments = z.mean(0), z.std(0)
        return self._moments


class IAFStep(nn.Module):
    """z ← σ ⊙ z + (1 − σ) ⊙ m, with m and σ from a MADE that also reads the encoder's features."""

    def __init__(self, size: int, hidden: int, context: int, reverse: bool) -> None:
        super().__init__()
        self.made = MADE(size, hidden, context, reverse)
        with torch.no_grad():
            self.made.outward.bias[size:] = OPEN_GATE

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The next z [K, B, d] and the log-determinant [K, B]."""
        shift, gate = self.made(z, context)
        sigma = torch.sigmoid(gate)
        return sigma * z + (1 - sigma) * shift, functional.logsigmoid(gate).sum(-1)


class IAFPosterior(Posterior):
    """Inverse autoregressive flow; the order of the latents is reversed at every step.

    Examples
    --------
    >>> head = IAFPosterior(PosteriorConfig(kind="iaf", steps=2), features=4, latent_dim=3)
    >>> head(torch.zeros(5, 4)).rsample(2).log_q.shape
    torch.Size([2, 5])

    References
    ----------
    Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow (arXiv:1606.04934).
    """

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.base = DiagonalPosterior(config, features, latent_dim)
        self.steps = nn.ModuleList(
            IAFStep(latent_dim, config.hidden, features, reverse=bool(step % 2)) for step in range(config.steps)
        )

    def forward(self, features: Tensor) -> Flow:
        """Compute q(z|x)."""

        def transform(z: Tensor) -> tuple[Tensor, Tensor]:
            total = z.new_zeros(z.shape[:-1])
            for step in self.steps:
                z, log_det = step(z, features)
                total = total + log_det
            return z, total

        return Flow(self.base(features), transform)


class PlanarPosterior(Posterior):
    """Planar flow z ← z + û tanh(wᵀz + b), with u, w and b from the encoder.

    Examples
    --------
    >>> head = PlanarPosterior(PosteriorConfig(kind="planar", steps=2), features=4, latent_dim=3)
    >>> head(torch.zeros(5, 4)).rsample(2).z.shape
    torch.Size([2, 5, 3])

    References
    ----------
    Rezende & Mohamed 2015, Variational Inference with Normalizing Flows (arXiv:1505.05770).
    """

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.base = DiagonalPosterior(config, features, latent_dim)
        self.steps = nn.ModuleList(nn.Linear(features, 2 * latent_dim + 1) for _ in range(config.steps))
        for step in self.steps:
            assert isinstance(step, nn.Linear)
            # u begins near 0 and w does not: nearly the identity, but not the saddle point where neither learns.
            nn.init.normal_(step.weight, std=0.01 / math.sqrt(features))
            nn.init.normal_(step.bias, std=1 / math.sqrt(latent_dim))
            nn.init.zeros_(step.bias[:latent_dim])

    def learning_rate_factors(self) -> dict[nn.Parameter, float]:
        """Smaller steps for the planes' heads."""
        return dict.fromkeys(self.steps.parameters(), PLANE_RATE)

    def forward(self, features: Tensor) -> Flow:
        """Compute q(z|x)."""
        base = self.base(features)
        planes = [_plane(step(features), base.mean.shape[-1]) for step in self.steps]

        def transform(z: Tensor) -> tuple[Tensor, Tensor]:
            total = z.new_zeros(z.shape[:-1])
            for u, w, b, along in planes:
                bend = torch.tanh((z * w).sum(-1, keepdim=True) + b)
                slope = (1 - bend**2).squeeze(-1)
                total = total + torch.log1p(slope * along)
                z = z + u * bend
            return z, total

        return Flow(base, transform)


def _plane(parameters: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """û, w, b and wᵀû [B] of one step, with û moved along w until the step is invertible: wᵀû > −1.

    wᵀû is returned as it was chosen: computed from û and w in float32 it may be below −1, where the logarithm of the
    determinant 1 + ψ'(·) wᵀû is NaN.
    """
    u, w, b = torch.split(parameters, [size, size, 1], dim=-1)
    along = (u * w).sum(-1, keepdim=True)
    # A little above −1, which keeps the logarithm of the determinant finite. Shifted relative to the paper, which maps
    # 0 to −.31: here 0 maps to 0, so that a step can begin as the identity.
    target = functional.softplus(along + INVERSE_SOFTPLUS_OF_1) - 1 + 1e-4
    length = (w * w).sum(-1, keepdim=True) + 1e-8
    chosen = target + (along - target) * (1e-8 / length)
    return u + (target - along) * w / length, w, b, chosen.squeeze(-1)
