"""Learned autoregressive prior over a grid of codes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 64
LAYERS = 4


class MaskedConv(nn.Conv2d):
    """A convolution over earlier positions in raster order, and over the position itself if ``include_self``."""

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, include_self: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        mask = torch.ones(kernel, kernel)
        middle = kernel // 2
        mask[middle, middle + include_self :] = 0
        mask[middle + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the masked weights."""
        return functional.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)

    def causal_weight(self) -> Tensor:
        """The unmasked weights, [outputs, inputs · positions], positions in raster order."""
        positions = int(self.mask.sum())
        return self.weight.flatten(2)[..., :positions].flatten(1)

    def empty(self, count: int, grid: tuple[int, int]) -> Tensor:
        """A zero-padded map of zeros, to be filled position by position with ``put``."""
        padding = 2 * (self.mask.shape[0] // 2)
        return self.weight.new_zeros(count, self.in_channels, grid[0] + padding, grid[1] + padding)

    def put(self, row: int, column: int, map_: Tensor, values: Tensor) -> None:
        """Write values [B, C] at a position of a map of ``empty``."""
        margin = self.mask.shape[0] // 2
        map_[:, :, row + margin, column + margin] = values

    def at(self, row: int, column: int, map_: Tensor, weight: Tensor) -> Tensor:
        """``forward`` at one position of a map of ``empty``, [B, C]; ``weight`` is ``causal_weight()``."""
        kernel = self.mask.shape[0]
        patch = map_[:, :, row : row + kernel, column : column + kernel].flatten(2)
        return functional.linear(patch[..., : weight.shape[1] // self.in_channels].flatten(1), weight, self.bias)


class CodePrior(nn.Module):
    """p(codes) of a grid [h, w], each one of ``size`` codes, given a context map if there is one.

    Parameters
    ----------
    size
        Number of codes.
    grid
        (h, w).
    context
        Channels of the context map [B, ``context``, h, w]; 0 for none.

    Examples
    --------
    >>> prior = CodePrior(size=8, grid=(3, 4))
    >>> codes = prior.sample(2)
    >>> codes.shape, prior.log_prob(codes).shape
    (torch.Size([2, 3, 4]), torch.Size([2]))

    References
    ----------
    van den Oord, Kalchbrenner & Kavukcuoglu 2016, Pixel Recurrent Neural Networks (arXiv:1601.06759).
    """

    def __init__(self, size: int, grid: tuple[int, int], context: int = 0) -> None:
        super().__init__()
        self.grid = grid
        self.codes = nn.Embedding(size, WIDTH)
        self.context = nn.Conv2d(context, WIDTH, 3, padding=1) if context else None
        self.place = nn.Parameter(torch.zeros(WIDTH, *grid))
        self.first = MaskedConv(WIDTH, WIDTH, 5, include_self=False)
        self.layers = nn.ModuleList(MaskedConv(WIDTH, WIDTH, 3, include_self=True) for _ in range(LAYERS))
        self.logits = nn.Conv2d(WIDTH, size, 1)

    def forward(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Log-probabilities of every code at every position given the earlier ones, [B, size, h, w]."""
        hidden = self.first(self.codes(codes).permute(0, 3, 1, 2)) + self._code_free(context)
        for layer in self._layers():
            hidden = hidden + layer(functional.silu(hidden))
        return torch.log_softmax(self.logits(functional.silu(hidden)), 1)

    def _code_free(self, context: Tensor | None) -> Tensor:
        """The part of the first layer that does not depend on codes, [1 or B, WIDTH, h, w]."""
        position = self.place[None]
        return position if self.context is None else position + self.context(context)

    def _layers(self) -> Iterator[MaskedConv]:
        for layer in self.layers:
            assert isinstance(layer, MaskedConv)
            yield layer

    def log_prob(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Log p(codes) in nats, [B], of int64 [B, h, w]."""
        log_probabilities: Tensor = self(codes, context)
        return log_probabilities.gather(1, codes[:, None]).flatten(1).sum(1)

    def sample(
        self,
        count: int,
        context: Tensor | None = None,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw int64 [count, h, w], position by position; ``temperature`` divides the logits.

        Every layer is computed once per position from cached outputs at earlier positions, so that the work is that of
        one pass over the grid, not of one pass per position.
        """
        height, width = self.grid
        codes = torch.zeros(count, height, width, dtype=torch.int64, device=self.place.device)
        code_free = self._code_free(context)
        first, embedded = self.first.causal_weight(), self.first.empty(count, self.grid)
        layers = [(layer, layer.causal_weight(), layer.empty(count, self.grid)) for layer in self._layers()]
        for row in range(height):
            for column in range(width):
                hidden = self.first.at(row, column, embedded, first) + code_free[..., row, column]
                for layer, weight, map_ in layers:
                    layer.put(row, column, map_, functional.silu(hidden))
                    hidden = hidden + layer.at(row, column, map_, weight)
                logits = self.logits(functional.silu(hidden)[..., None, None])[..., 0, 0]
                probabilities = torch.softmax(logits / temperature, 1)
                if generator is not None:
                    probabilities = probabilities.cpu()
                drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(codes.device)
                codes[:, row, column] = drawn
                self.first.put(row, column, embedded, self.codes(drawn))
        return codes
