"""Masked networks whose every output depends on earlier inputs alone (Germain et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class MaskedLinear(nn.Linear):
    """An affine map with some weights held at 0."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        outputs, inputs = mask.shape
        super().__init__(inputs, outputs)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the weights that are not held."""
        return functional.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    """Two numbers for each of d inputs, computed from the inputs before it, and from a context.

    Parameters
    ----------
    size
        d.
    hidden
        Units of the one hidden layer.
    context
        Numbers of context per image; 0 for none.
    reverse
        Count the inputs from the last.
    """

    def __init__(self, size: int, hidden: int, context: int = 0, reverse: bool = False) -> None:
        super().__init__()
        # Place of each input in the order; a plain list, which a model outlined without memory has too.
        self.places = list(reversed(range(size))) if reverse else list(range(size))
        order = torch.tensor(self.places)
        # Hidden unit of degree k sees inputs up to k, and speaks to outputs after k; −1 sees none.
        degrees = torch.arange(hidden) % max(1, size - 1) if size > 1 else torch.full((hidden,), -1)
        self.inward = MaskedLinear((degrees[:, None] >= order[None, :]).float())
        self.context = nn.Linear(context, hidden) if context else None
        self.outward = MaskedLinear((order[:, None] > degrees[None, :]).float().repeat(2, 1))

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Both numbers, [..., d] each, for z [..., d] and context [B, F] of the last batch dimension."""
        hidden = self.inward(z)
        if self.context is not None:
            hidden = hidden + self.context(context)
        first, second = self.outward(functional.elu(hidden)).chunk(2, dim=-1)
        return first, second
