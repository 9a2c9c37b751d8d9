"""A flow fitted to the latents of a trained model: a learned prior for models of any recipe."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from latentlab.config import LatentFlowConfig
from latentlab.errors import InputError
from latentlab.latent.arrays import as_latents
from latentlab.models.functional import standard_normal_log_density
from latentlab.models.networks.splines import spline, spline_parameters
from latentlab.models.seeded_noise import fixed_noise

# The fit: batches of fresh draws of the posteriors, until the density at held-out ones stops rising.
_BATCH = 256
_MAX_STEPS = 600
_RATE = 5e-3
_CHECKED_EVERY = 30  # steps
_PATIENCE = 5  # checks without a better one
_HELD_OUT = 0.1
_MOST_HELD_OUT = 2000
_NOISE = 1e-4  # relative to the mean standard deviation: the width of a dimension in which all latents are equal


class Coupling(nn.Module):
    """Moves some dimensions by monotonic splines whose shape depends on the other dimensions.

    Attributes
    ----------
    moved, kept
        Indices of the dimensions that move, and of those that the splines depend on.
    """

    def __init__(self, moved: list[int], kept: list[int], config: LatentFlowConfig) -> None:
        super().__init__()
        self.moved, self.kept = moved, kept
        self.network = nn.Sequential(
            nn.Linear(max(1, len(kept)), config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, len(moved) * (3 * config.bins - 1)),
        )

    def forward(self, z: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        """The moved latents [B, d], and the log-determinant [B] of this direction."""
        kept = z[:, self.kept] if self.kept else z.new_zeros(len(z), 1)
        shapes = self.network(kept).view(len(z), len(self.moved), -1)
        moved, log_slope = spline(z[:, self.moved], spline_parameters(shapes), inverse)
        result = z.clone()
        result[:, self.moved] = moved
        return result, log_slope.sum(1)


class LatentFlow(nn.Module):
    """p(z): standard normal noise, moved by splines whose shapes depend on the other dimensions.

    It begins as a Gaussian with independent dimensions, with the mean and the standard deviations of the latents. Both
    directions take one pass of each step's network. Latents are drawn on the CPU.

    Parameters
    ----------
    latent_dim
        d.
    config
        Its size.

    Examples
    --------
    >>> flow = LatentFlow(2)
    >>> flow.log_prob(torch.zeros(5, 2)).shape, flow.sample(4, seed=1).shape
    (torch.Size([5]), (4, 2))

    References
    ----------
    Durkan et al. 2019, Neural Spline Flows (arXiv:1906.04032). Dinh, Sohl-Dickstein & Bengio 2017, Density estimation
    using Real NVP (arXiv:1605.08803). A density fitted to a trained autoencoder's latents: Ghosh et al. 2020, From
    Variational to Deterministic Autoencoders (arXiv:1903.12436).
    """

    center: Tensor
    log_scale: Tensor

    def __init__(self, latent_dim: int, config: LatentFlowConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LatentFlowConfig()
        self.latent_dim = latent_dim
        self.register_buffer("center", torch.zeros(latent_dim))
        self.register_buffer("log_scale", torch.zeros(latent_dim))
        steps = (_parts(latent_dim, number) for number in range(config.steps))
        self.steps = nn.ModuleList(Coupling(moved, kept, config) for moved, kept in steps if moved)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log p(z) in nats, [B], of latents [B, d]."""
        u = (z - self.center) * torch.exp(-self.log_scale)
        total = -self.log_scale.sum().expand(len(z))
        for step in self.steps:
            u, log_det = step(u)
            total = total + log_det
        return total + standard_normal_log_density(u).sum(1)

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0, temperature: float = 1.0) -> NDArray[np.float32]:
        """Draw latents, float32 [count, d].

        Parameters
        ----------
        count
            Number of latents.
        seed
            The same seed gives the same latents, and the same noise at any temperature.
        temperature
            Factor of the noise's standard deviation.
        """
        u = temperature * torch.randn(count, self.latent_dim, generator=torch.Generator().manual_seed(seed))
        for step in reversed(self.steps):
            u, _ = step(u, inverse=True)
        drawn: NDArray[np.float32] = (self.center + torch.exp(self.log_scale) * u).numpy()
        return drawn


def fit_latent_flow(
    mean: ArrayLike, std: ArrayLike | None = None, *, config: LatentFlowConfig | None = None, seed: int = 0
) -> LatentFlow:
    """Fit a flow to latents by maximum likelihood.

    Parameters
    ----------
    mean
        [n, d], n ≥ 2: latents, or the means of posteriors.
    std
        [n, d], the posteriors' standard deviations: every step then has new draws of the posteriors, so that the flow
        is one of the aggregate posterior.
    config
        The flow's size.
    seed
        Of its first weights, of the draws, and of the latents that are held out. The fit ends when the density of
        those does not rise any more.

    Raises
    ------
    InputError
        For fewer than two latents, or values that are not finite.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> flow = fit_latent_flow(random.normal(5.0, 0.1, (400, 2)))
    >>> flow.sample(100).mean(0).round()
    array([5., 5.], dtype=float32)
    """
    steps = fit_latent_flow_in_steps(mean, std, config=config, seed=seed)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            flow: LatentFlow = end.value
            return flow


def fit_latent_flow_in_steps(
    mean: ArrayLike, std: ArrayLike | None = None, *, config: LatentFlowConfig | None = None, seed: int = 0
) -> Generator[float, None, LatentFlow]:
    """As ``fit_latent_flow``, one step of the optimizer at a time; yields the fraction that is done at most."""
    points = as_latents(mean, "the latents")
    spread = None if std is None else as_latents(std, "the standard deviations")
    if len(points) < 2:
        raise InputError("a flow needs at least two latents to be fitted to")
    if spread is not None and spread.shape != points.shape:
        raise InputError(f"the standard deviations must have the latents' shape, {list(points.shape)}")
    random = torch.Generator().manual_seed(seed)
    draws = _Draws(points, spread, random)
    with fixed_noise(torch.device("cpu"), seed):
        flow = LatentFlow(points.shape[1], config)
    _initialise(flow, draws)
    held_out = draws.held_out()
    optimizer = torch.optim.Adam(flow.parameters(), _RATE)
    best, worse, weights = _density(flow, held_out), 0, _copied(flow)
    for number in range(_MAX_STEPS):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * number / _MAX_STEPS))
        with torch.enable_grad():
            loss = -flow.log_prob(draws.batch()).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        optimizer.step()
        if (number + 1) % _CHECKED_EVERY == 0:
            density = _density(flow, held_out)
            worse = 0 if density > best else worse + 1
            if density > best:
                best, weights = density, _copied(flow)
            if worse == _PATIENCE:
                break
        yield (number + 1) / _MAX_STEPS
    flow.load_state_dict(weights)
    return flow.requires_grad_(False)


class _Draws:
    """Draws of posteriors, some of which are held out.

    A little noise is added, so that a dimension in which all latents are equal has a density too.
    """

    def __init__(self, mean: NDArray[np.float64], std: NDArray[np.float64] | None, random: torch.Generator) -> None:
        spread = np.sqrt(mean.var(axis=0) + (0 if std is None else (std**2).mean(axis=0)))
        noise = max(_NOISE * float(spread.mean()), 1e-6 * float(abs(mean).max()), 1e-6)
        widened = np.sqrt(noise**2 + (0 if std is None else std**2))
        order = torch.randperm(len(mean), generator=random).numpy()
        count = max(1, min(_MOST_HELD_OUT, int(_HELD_OUT * len(mean))))
        self._random = random
        self._mean, self._std = _tensors(mean, widened, order[count:])
        self._kept = _tensors(mean, widened, order[:count])

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the draws, [d] each, without those held out."""
        variance = self._mean.var(0, unbiased=False) + (self._std**2).mean(0)
        return self._mean.mean(0), variance.sqrt()

    def batch(self) -> Tensor:
        """New draws [B, d]."""
        rows = torch.randint(len(self._mean), (_BATCH,), generator=self._random)
        return self._noisy(self._mean[rows], self._std[rows])

    def held_out(self) -> Tensor:
        """One draw of each posterior held out."""
        return self._noisy(*self._kept)

    def _noisy(self, mean: Tensor, std: Tensor) -> Tensor:
        return mean + std * torch.randn(mean.shape, generator=self._random)


def _tensors(mean: NDArray[np.float64], std: NDArray[np.float64], rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    chosen = torch.from_numpy(mean[rows]).float()
    return chosen, torch.from_numpy(np.broadcast_to(std, mean.shape)[rows]).float()


@torch.no_grad()
def _initialise(flow: LatentFlow, draws: _Draws) -> None:
    """The Gaussian of the draws' moments."""
    center, scale = draws.moments()
    flow.center.copy_(center)
    flow.log_scale.copy_(torch.log(scale))
    for step in flow.steps:
        assert isinstance(step, Coupling)
        last = step.network[-1]
        assert isinstance(last, nn.Linear)
        last.weight.zero_()
        last.bias.zero_()


@torch.no_grad()
def _density(flow: LatentFlow, z: Tensor) -> float:
    return float(flow.log_prob(z).mean())


def _copied(flow: LatentFlow) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in flow.state_dict().items()}


def _parts(size: int, number: int) -> tuple[list[int], list[int]]:
    """The dimensions that step ``number`` moves, and those it keeps: odd and even ones, then halves, by turns."""
    first = set(range(0, size, 2)) if number // 2 % 2 == 0 else set(range((size + 1) // 2))
    moves_first = number % 2 == 0
    moved = [j for j in range(size) if (j in first) == moves_first]
    return moved, [j for j in range(size) if (j in first) != moves_first]
