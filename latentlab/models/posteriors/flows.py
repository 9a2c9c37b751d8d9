"""Flow posteriors: a diagonal Gaussian carried on by invertible steps."""

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

# Draws from which a flow's mean and standard deviation are told: they have no closed form.
MOMENT_SAMPLES = 64
# At the start IAF's gates are nearly open: σ = sigmoid(2) (Kingma et al. 2016).
OPEN_GATE = 2.0

# softplus(0 + SHIFT) = 1.
SHIFT = math.log(math.e - 1)

Carry = Callable[[Tensor], tuple[Tensor, Tensor]]


class Flow(VariationalPosterior):
    """z = f(z₀) with z₀ ~ a diagonal Gaussian, so that log q(z) = log q₀(z₀) − log|det ∂f/∂z₀|.

    Parameters
    ----------
    base
        Of z₀.
    carry
        From z₀ [K, B, d] to z and the log-determinant [K, B].
    """

    def __init__(self, base: Diagonal, carry: Carry) -> None:
        self.base = base
        self._carry = carry
        self._moments: tuple[Tensor, Tensor] | None = None

    def rsample(self, samples: int) -> PosteriorSample:
        """Draw from the base and carry on."""
        start = self.base.rsample(samples)
        z, log_det = self._carry(start.z)
        return PosteriorSample(z, lambda: start.log_q - log_det)

    @property
    def mean(self) -> Tensor:
        """Mean of 64 draws that are the same at every call, [B, d]."""
        return self._of_draws()[0]

    @property
    def std(self) -> Tensor:
        """Standard deviation of the same draws, [B, d]."""
        return self._of_draws()[1]

    def _of_draws(self) -> tuple[Tensor, Tensor]:
        if self._moments is None:
            half = torch.randn(
                MOMENT_SAMPLES // 2, 1, self.base.mean.shape[-1], generator=torch.Generator().manual_seed(0)
            ).to(self.base.mean.device)
            # Each draw with its mirror image: exact for a flow that is affine.
            z = self._carry(self.base.mean + self.base.std * torch.cat([half, -half]))[0]
            self._moments = z.mean(0), z.std(0)
        return self._moments


class IAFStep(nn.Module):
    """z ← σ ⊙ z + (1 − σ) ⊙ m, with m and σ from a MADE that also sees the encoder's features."""

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
    """Inverse autoregressive flow (Kingma et al. 2016); the order of the latents turns at each step."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.base = DiagonalPosterior(config, features, latent_dim)
        self.steps = nn.ModuleList(
            IAFStep(latent_dim, config.hidden, features, reverse=bool(step % 2)) for step in range(config.steps)
        )

    def forward(self, features: Tensor) -> Flow:
        """Parametrise q(z|x)."""

        def carry(z: Tensor) -> tuple[Tensor, Tensor]:
            total = z.new_zeros(z.shape[:-1])
            for step in self.steps:
                z, log_det = step(z, features)
                total = total + log_det
            return z, total

        return Flow(self.base(features), carry)


class PlanarPosterior(Posterior):
    """Planar flow z ← z + û tanh(wᵀz + b), u, w and b from the encoder (Rezende & Mohamed 2015)."""

    def __init__(self, config: PosteriorConfig, features: int, latent_dim: int) -> None:
        super().__init__(config, features, latent_dim)
        self.base = DiagonalPosterior(config, features, latent_dim)
        self.steps = nn.ModuleList(nn.Linear(features, 2 * latent_dim + 1) for _ in range(config.steps))
        for step in self.steps:
            assert isinstance(step, nn.Linear)
            # u begins near 0 and w does not: nearly the identity, but no saddle, where neither would learn.
            nn.init.normal_(step.weight, std=0.01 / math.sqrt(features))
            nn.init.normal_(step.bias, std=1 / math.sqrt(latent_dim))
            nn.init.zeros_(step.bias[:latent_dim])

    def forward(self, features: Tensor) -> Flow:
        """Parametrise q(z|x)."""
        base = self.base(features)
        planes = [_plane(step(features), base.mean.shape[-1]) for step in self.steps]

        def carry(z: Tensor) -> tuple[Tensor, Tensor]:
            total = z.new_zeros(z.shape[:-1])
            for u, w, b in planes:
                bend = torch.tanh((z * w).sum(-1, keepdim=True) + b)
                slope = (1 - bend**2).squeeze(-1)
                total = total + torch.log1p(slope * (u * w).sum(-1))
                z = z + u * bend
            return z, total

        return Flow(base, carry)


def _plane(numbers: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """û, w and b, with û moved along w until the step is invertible: wᵀû > −1."""
    u, w, b = torch.split(numbers, [size, size, 1], dim=-1)
    along = (u * w).sum(-1, keepdim=True)
    # A little above −1, so that the logarithm of the determinant stays finite. Shifted against the paper's, which
    # takes 0 to −.31: what is not to move is not moved, and a plane can begin as the identity.
    wanted = functional.softplus(along + SHIFT) - 1 + 1e-4
    return u + (wanted - along) * w / ((w * w).sum(-1, keepdim=True) + 1e-8), w, b
