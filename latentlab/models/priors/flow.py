"""A learned autoregressive flow as prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from latentlab.config import PriorConfig
from latentlab.models.functional import standard_normal_log_density
from latentlab.models.networks.made import MADE
from latentlab.models.priors.base import Encode, ImageShape, Prior

MAX_LOG_SCALE = 4.0
# Draws from which the densities of single dimensions are estimated.
MARGINAL_DRAWS = 512


class FlowPrior(Prior):
    """Masked autoregressive flow: u = (z − m(z)) · exp(−s(z)), step by step, is standard normal; m and s from a MADE.

    A density takes one pass of the network, a draw one pass per dimension. It begins as N(0, I).

    Examples
    --------
    >>> prior = FlowPrior(PriorConfig(kind="flow"), 2, (1, 28, 28))
    >>> prior.log_prob(prior.sample(5)).shape
    torch.Size([5])

    References
    ----------
    Papamakarios, Pavlakou & Murray 2017, Masked Autoregressive Flow for Density Estimation (arXiv:1705.07057).
    """

    def __init__(self, config: PriorConfig, latent_dim: int, image_shape: ImageShape) -> None:
        super().__init__(config, latent_dim, image_shape)
        self.steps = nn.ModuleList(
            MADE(latent_dim, config.hidden, reverse=bool(step % 2)) for step in range(config.steps)
        )
        for step in self.steps:
            assert isinstance(step, MADE)
            nn.init.zeros_(step.outward.weight)
            nn.init.zeros_(step.outward.bias)

    def log_prob(self, z: Tensor, encode: Encode | None = None) -> Tensor:
        """Log p(z) in nats, shape [...]."""
        total = z.new_zeros(z.shape[:-1])
        for step in self.steps:
            shift, log_scale = _shift_and_log_scale(step, z)
            z = (z - shift) * torch.exp(-log_scale)
            total = total - log_scale.sum(-1)
        return total + standard_normal_log_density(z).sum(-1)

    @torch.no_grad()
    def marginals(self, encode: Encode | None = None) -> tuple[Tensor, Tensor]:
        """Gaussian kernels around 512 draws, the same ones at every call, scaled to keep their mean and variance.

        The draws begin at a Sobol sequence, which covers N(0, I) evenly; the kernels have Silverman's width. Beyond the
        draws, where p is below 1/512, the density is a guess.

        References
        ----------
        Silverman 1986, Density Estimation for Statistics and Data Analysis, sections 3.4.2 and 6.4.1.
        """
        sobol = torch.quasirandom.SobolEngine(self.latent_dim, scramble=True, seed=0)  # type: ignore[no-untyped-call]
        uniform = sobol.draw(MARGINAL_DRAWS)
        draws = self._draws(torch.special.ndtri(uniform.clamp(1e-4, 1 - 1e-4)).to(self.device))
        mean, std = draws.mean(0), draws.std(0).clamp_min(1e-6)
        width = 1.06 * MARGINAL_DRAWS ** (-1 / 5)
        shrunk = math.sqrt(1 + width**2)
        return mean + (draws - mean) / shrunk, torch.log(std * width / shrunk).expand_as(draws)

    def sample(
        self,
        count: int,
        generator: torch.Generator | None = None,
        encode: Encode | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw [count, d] latents."""
        return self._draws(temperature * self._normal(count, generator))

    def _draws(self, u: Tensor) -> Tensor:
        """Z from standard normal u, [count, d] each."""
        for step in reversed(self.steps):
            assert isinstance(step, MADE)
            z = torch.zeros_like(u)
            for rank in range(self.latent_dim):
                column = step.ranks.index(rank)
                shift, log_scale = _shift_and_log_scale(step, z)
                z[:, column] = shift[:, column] + u[:, column] * torch.exp(log_scale[:, column])
            u = z
        return u


def _shift_and_log_scale(step: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    shift, raw = step(z)
    return shift, MAX_LOG_SCALE * torch.tanh(raw / MAX_LOG_SCALE)
