"""What models with several layers of latents share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior

# Narrower than of a single layer: what one layer says, the next multiplies.
LAYER_LOG_STD_RANGE = (-6.0, 6.0)


class Hidden(nn.Module):
    """An affine layer and a residual one, with an activation after each.

    Their weights begin large enough that a signal passes many of them undiminished.
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
    """A diagonal Gaussian whose mean and standard deviation a small network computes.

    Parameters
    ----------
    config, inputs, hidden, size
        From [..., inputs], through ``hidden`` units, to [..., size].
    largest_mean
        Keep the means within ± so much, smoothly; ``None`` for no limit.
    log_std_range
        Within which the logarithm of the standard deviation is softly kept.
    """

    def __init__(
        self,
        config: PosteriorConfig,
        inputs: int,
        hidden: int,
        size: int,
        largest_mean: float | None = None,
        log_std_range: tuple[float, float] = LAYER_LOG_STD_RANGE,
    ) -> None:
        super().__init__()
        self.hidden = Hidden(inputs, hidden)
        self.head = DiagonalPosterior(config, hidden, size, log_std_range)
        self.largest_mean = largest_mean

    def begin_as_standard(self) -> None:
        """Forget the initial weights: N(0, I) whatever x is."""
        for head in (self.head.mean, self.head.log_std):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, x: Tensor) -> Diagonal:
        """The Gaussian given x."""
        gaussian: Diagonal = self.head(self.hidden(x))
        if self.largest_mean is None:
            return gaussian
        return Diagonal(self.largest_mean * torch.tanh(gaussian.mean / self.largest_mean), gaussian.log_std)


def relative(q: Diagonal, p: Diagonal) -> Diagonal:
    """Q in the coordinates ε = (z − mean_p) / std_p, in which p is standard normal.

    Densities' ratios, and so the KL, are the same in both.
    """
    return Diagonal((q.mean - p.mean) / p.std, q.log_std - p.log_std)
