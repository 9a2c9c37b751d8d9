"""What models with several layers of latents share."""

from __future__ import annotations

from torch import Tensor, nn

from latentlab.config import PosteriorConfig
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior

# Narrower than of a single layer: what one layer says, the next multiplies.
LAYER_LOG_STD_RANGE = (-6.0, 6.0)


def layer_sizes(latent_dim: int, layers: int) -> list[int]:
    """How ``latent_dim`` is shared among the layers, the top first: each about twice as wide as the one above.

    Every layer has at least one.
    """
    spare = latent_dim - layers
    parts = 2**layers - 1
    sizes = [1 + spare * 2**level // parts for level in range(layers)]
    sizes[-1] += latent_dim - sum(sizes)
    return sizes


class Hidden(nn.Sequential):
    """Two affine layers with a smooth activation after each."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())


class GaussianLayer(nn.Module):
    """A diagonal Gaussian whose mean and standard deviation a small network computes."""

    def __init__(self, config: PosteriorConfig, inputs: int, hidden: int, size: int) -> None:
        super().__init__()
        self.hidden = Hidden(inputs, hidden)
        self.head = DiagonalPosterior(config, hidden, size, LAYER_LOG_STD_RANGE)

    def forward(self, x: Tensor) -> Diagonal:
        """The Gaussian given x [..., inputs], over [..., size]."""
        gaussian: Diagonal = self.head(self.hidden(x))
        return gaussian


def relative(q: Diagonal, p: Diagonal) -> Diagonal:
    """Q in the coordinates ε = (z − mean_p) / std_p, in which p is standard normal.

    Densities' ratios, and so the KL, are the same in both.
    """
    return Diagonal((q.mean - p.mean) / p.std, q.log_std - p.log_std)
