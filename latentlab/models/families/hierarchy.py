"""Parts shared by models with several layers of latents."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.encoder_inputs import corrupted
from latentlab.models.functional import gaussian_kl, gaussian_log_density, standard_normal_log_density
from latentlab.models.objective import batch_objective
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior
from latentlab.models.seeded_noise import standard_normal

# Narrower than for a single layer: scales of successive layers multiply.
LAYER_LOG_STD_RANGE = (-6.0, 6.0)


class Hidden(nn.Module):
    """An affine layer and a residual one, each followed by an activation.

    Initialised so that the variance of a signal is kept through many such blocks.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, hidden)
        for layer in (self.first, self.second):
            nn.init.xavier_normal_(layer.weight, gain=math.sqrt(2))
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Transform [..., inputs] to [..., hidden]."""
        hidden = functional.silu(self.first(x))
        return hidden + functional.silu(self.second(hidden))


class GaussianLayer(nn.Module):
    """A diagonal Gaussian whose mean and standard deviation are computed by a small network.

    Parameters
    ----------
    config, inputs, hidden, size
        From [..., inputs], through ``hidden`` units, to [..., size].
    max_mean
        Smooth limit of the absolute means; ``None`` for no limit.
    log_std_range
        Soft limits of the logarithm of the standard deviation.
    """

    def __init__(
        self,
        config: PosteriorConfig,
        inputs: int,
        hidden: int,
        size: int,
        max_mean: float | None = None,
        log_std_range: tuple[float, float] = LAYER_LOG_STD_RANGE,
    ) -> None:
        super().__init__()
        self.hidden = Hidden(inputs, hidden)
        self.head = DiagonalPosterior(config, hidden, size, log_std_range)
        self.max_mean = max_mean

    def reset_to_standard(self) -> None:
        """Set the head's weights to 0: N(0, I) for any input."""
        for head in (self.head.mean, self.head.log_std):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, x: Tensor) -> Diagonal:
        """The Gaussian given x."""
        gaussian: Diagonal = self.head(self.hidden(x))
        if self.max_mean is None:
            return gaussian
        return Diagonal(self.max_mean * torch.tanh(gaussian.mean / self.max_mean), gaussian.log_std)


class LayeredModel(LatentModel):
    """Base class of models whose layers of latents are inferred top-down, with one rate per layer.

    Latents are in the coordinates of the prior: z_l = mean_p + std_p · ε_l, where mean_p and std_p depend on the layers
    above. All ε together are N(0, I) under the prior, and ε = 0 below the top is the most probable continuation of the
    top layer.

    Attributes
    ----------
    sizes
        Number of latents of each layer, the top first.
    """

    sizes: list[int]

    def infer_layers(self, batch: Batch, samples: int | None) -> tuple[list[Diagonal], list[Tensor], Tensor]:
        """Each layer's q in the prior's coordinates, its ε, [K, B, size] each, and what the decoder reads.

        With ``samples=None`` the means take the place of samples, and K is 1.
        """
        raise NotImplementedError

    def log_likelihood(self, z: Tensor, batch: Batch) -> Tensor:
        """Log p(x|z) in nats, [K, B], of what ``infer_layers`` returns for the decoder."""
        raise NotImplementedError

    def rates(self, posteriors: list[Diagonal], drawn: list[Tensor]) -> list[Tensor]:
        """Rate of each latent in nats given the layers above, [K, B, size] for each layer."""
        return [gaussian_kl(q.mean, q.log_std) for q in posteriors]

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """The negative ELBO; the reported rate is the true one, without free bits."""
        seen = corrupted(batch, self.config.corruption)
        posteriors, drawn, latents = self.infer_layers(seen, self.config.samples)
        rates = torch.stack([rate.sum(-1) for rate in self.rates(posteriors, drawn)], -1)
        free = self.config.rate.kind == "free-bits"
        losses = batch_objective(
            self.log_likelihood(latents, seen),
            rates.sum(-1),
            self.rate_schedule.cost,
            groups=rates.mean(0) if free else None,
        )
        per_layer = rates.detach().mean((0, 1))
        names = {f"rate_layer_{level + 1}": per_layer[level] for level in range(len(self.sizes))}
        return Losses(losses.objective, losses.terms | names)

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO; the rate as in ``losses``."""
        posteriors, drawn, latents = self.infer_layers(batch, samples)
        ratios = [log_ratio(q, epsilon) for q, epsilon in zip(posteriors, drawn, strict=True)]
        rate = torch.cat(self.rates(posteriors, drawn), -1).sum(-1)
        return Bound(self.log_likelihood(latents, batch), rate, torch.cat(ratios, -1).sum(-1))

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """Rate of each dimension given one sample of the others, in nats, [B, d], the top layer first."""
        posteriors, drawn, _ = self.infer_layers(batch, 1)
        return torch.cat(self.rates(posteriors, drawn), -1)[0]

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of every ε, [B, d] each, the top layer first, given the means of the others."""
        posteriors, _, _ = self.infer_layers(batch, None)
        mean = torch.cat([q.mean[0] for q in posteriors], -1)
        std = torch.cat([q.std[0] for q in posteriors], -1)
        return mean, std

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Draw ε [count, d] from N(0, temperature² I)."""
        device = next(self.parameters()).device
        return temperature * standard_normal(count, self.latent_dim, device, generator)


def log_ratio(q: Diagonal, epsilon: Tensor) -> Tensor:
    """Log q − log p of each latent at ε, in nats, [K, B, size]."""
    return gaussian_log_density(epsilon, q.mean, q.log_std) - standard_normal_log_density(epsilon)


def standardised(q: Diagonal, p: Diagonal) -> Diagonal:
    """Q in the coordinates ε = (z − mean_p) / std_p, in which p is N(0, I); ratios q / p and KLs stay the same."""
    return Diagonal((q.mean - p.mean) / p.std, q.log_std - p.log_std)
