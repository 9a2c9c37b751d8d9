"""Learned prior over a grid of codes: one code after another (van den Oord, Kalchbrenner & Kavukcuoglu 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 64
LAYERS = 4


class MaskedConv(nn.Conv2d):
    """A convolution that sees what comes before in reading order, and the place itself if ``here``."""

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, here: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        mask = torch.ones(kernel, kernel)
        middle = kernel // 2
        mask[middle, middle + here :] = 0
        mask[middle + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the weights that may see."""
        return functional.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class CodePrior(nn.Module):
    """p(codes) of a grid [h, w] of one of ``size`` codes each, given a map seen in advance, if any.

    Parameters
    ----------
    size
        Number of codes.
    grid
        (h, w).
    context
        Channels of the map [B, ``context``, h, w] that is known beforehand; 0 for none.
    """

    def __init__(self, size: int, grid: tuple[int, int], context: int = 0) -> None:
        super().__init__()
        self.grid = grid
        self.codes = nn.Embedding(size, WIDTH)
        self.context = nn.Conv2d(context, WIDTH, 3, padding=1) if context else None
        self.place = nn.Parameter(torch.zeros(WIDTH, *grid))
        self.first = MaskedConv(WIDTH, WIDTH, 7, here=False)
        self.layers = nn.ModuleList(MaskedConv(WIDTH, WIDTH, 3, here=True) for _ in range(LAYERS))
        self.logits = nn.Conv2d(WIDTH, size, 1)

    def forward(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Log-probabilities of every code at every place given those before it, [B, size, h, w]."""
        known = self.place
        if self.context is not None:
            known = known + self.context(context)
        hidden = self.first(self.codes(codes).permute(0, 3, 1, 2)) + known
        for layer in self.layers:
            hidden = hidden + layer(functional.silu(hidden))
        return torch.log_softmax(self.logits(functional.silu(hidden)), 1)

    def log_prob(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Log p(codes), [B], of int64 [B, h, w]."""
        log_probabilities: Tensor = self(codes, context)
        return log_probabilities.gather(1, codes[:, None]).flatten(1).sum(1)

    def sample(self, count: int, context: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Draw int64 [count, h, w], a place at a time."""
        device = self.place.device
        codes = torch.zeros(count, *self.grid, dtype=torch.int64, device=device)
        for row in range(self.grid[0]):
            for column in range(self.grid[1]):
                probabilities = torch.exp(self(codes, context)[:, :, row, column])
                if generator is not None:
                    probabilities = probabilities.cpu()
                codes[:, row, column] = torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(device)
        return codes
