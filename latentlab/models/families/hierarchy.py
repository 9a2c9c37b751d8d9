"""Parts shared by models with several layers of latents."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior

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


def standardised(q: Diagonal, p: Diagonal) -> Diagonal:
    """Q in the coordinates ε = (z − mean_p) / std_p, in which p is N(0, I); ratios q / p and KLs stay the same."""
    return Diagonal((q.mean - p.mean) / p.std, q.log_std - p.log_std)
