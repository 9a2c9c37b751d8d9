"""Masked networks whose outputs depend on earlier inputs only."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class MaskedLinear(nn.Linear):
    """An affine map whose weights are multiplied by a mask [outputs, inputs] of zeros and ones."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        outputs, inputs = mask.shape
        super().__init__(inputs, outputs)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the masked weights."""
        return functional.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    """Masked autoencoder: two outputs for each of d inputs, computed from the inputs before it and from a context.

    Parameters
    ----------
    size
        d.
    hidden
        Units of the single hidden layer.
    context
        Features of the context per image; 0 for none.
    reverse
        Order the inputs from the last to the first.

    Attributes
    ----------
    ranks
        Rank of each input in the order.

    Examples
    --------
    >>> shift, log_scale = MADE(size=3, hidden=16)(torch.zeros(5, 3))
    >>> shift.shape
    torch.Size([5, 3])

    References
    ----------
    Germain et al. 2015, MADE: Masked Autoencoder for Distribution Estimation (arXiv:1502.03509).
    """

    def __init__(self, size: int, hidden: int, context: int = 0, reverse: bool = False) -> None:
        super().__init__()
        # A plain list, which is there on the meta device too.
        self.ranks = list(reversed(range(size))) if reverse else list(range(size))
        order = torch.tensor(self.ranks)
        # A hidden unit of degree k reads inputs up to rank k and feeds outputs after rank k; −1 reads none.
        degrees = torch.arange(hidden) % max(1, size - 1) if size > 1 else torch.full((hidden,), -1)
        self.inward = MaskedLinear((degrees[:, None] >= order[None, :]).float())
        self.context = nn.Linear(context, hidden) if context else None
        self.outward = MaskedLinear((order[:, None] > degrees[None, :]).float().repeat(2, 1))

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Both outputs, [..., d] each, for z [..., B, d] and context [B, F]."""
        hidden = self.inward(z)
        if self.context is not None:
            hidden = hidden + self.context(context)
        first, second = self.outward(functional.elu(hidden)).chunk(2, dim=-1)
        return first, second
