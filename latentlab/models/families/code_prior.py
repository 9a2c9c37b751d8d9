"""Learned prior over a grid of codes: one code after another (van den Oord, Kalchbrenner & Kavukcuoglu 2016)."""

from __future__ import annotations

from collections.abc import Iterator

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

    def seen_by_one(self) -> Tensor:
        """The weights that may see, [outputs, inputs · places]: the places before, in reading order, come first."""
        places = int(self.mask.sum())
        return self.weight.flatten(2)[..., :places].flatten(1)

    def empty(self, count: int, grid: tuple[int, int]) -> Tensor:
        """A map of zeros with the room around it that ``at`` looks into, to be filled place by place."""
        around = 2 * (self.mask.shape[0] // 2)
        return self.weight.new_zeros(count, self.in_channels, grid[0] + around, grid[1] + around)

    def put(self, row: int, column: int, map_: Tensor, values: Tensor) -> None:
        """Write values [B, C] at a place of such a map."""
        margin = self.mask.shape[0] // 2
        map_[:, :, row + margin, column + margin] = values

    def at(self, row: int, column: int, map_: Tensor, weight: Tensor) -> Tensor:
        """What ``forward`` has at one place of such a map, [B, C]; ``weight`` is that of ``seen_by_one``."""
        kernel = self.mask.shape[0]
        patch = map_[:, :, row : row + kernel, column : column + kernel].flatten(2)
        return functional.linear(patch[..., : weight.shape[1] // self.in_channels].flatten(1), weight, self.bias)


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
        self.first = MaskedConv(WIDTH, WIDTH, 5, here=False)
        self.layers = nn.ModuleList(MaskedConv(WIDTH, WIDTH, 3, here=True) for _ in range(LAYERS))
        self.logits = nn.Conv2d(WIDTH, size, 1)

    def forward(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Log-probabilities of every code at every place given those before it, [B, size, h, w]."""
        hidden = self.first(self.codes(codes).permute(0, 3, 1, 2)) + self._known(context)
        for layer in self._layers():
            hidden = hidden + layer(functional.silu(hidden))
        return torch.log_softmax(self.logits(functional.silu(hidden)), 1)

    def _known(self, context: Tensor | None) -> Tensor:
        """What is known before any code: the place, and what the context tells of it, [1 or B, WIDTH, h, w]."""
        place = self.place[None]
        return place if self.context is None else place + self.context(context)

    def _layers(self) -> Iterator[MaskedConv]:
        for layer in self.layers:
            assert isinstance(layer, MaskedConv)
            yield layer

    def log_prob(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Log p(codes), [B], of int64 [B, h, w]."""
        log_probabilities: Tensor = self(codes, context)
        return log_probabilities.gather(1, codes[:, None]).flatten(1).sum(1)

    def sample(self, count: int, context: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Draw int64 [count, h, w], a place at a time.

        Every layer is computed once at each place, from what the places before it have left: as often as for one
        look at a whole grid, not once for each place of it.
        """
        height, width = self.grid
        codes = torch.zeros(count, height, width, dtype=torch.int64, device=self.place.device)
        known = self._known(context)
        first, embedded = self.first.seen_by_one(), self.first.empty(count, self.grid)
        layers = [(layer, layer.seen_by_one(), layer.empty(count, self.grid)) for layer in self._layers()]
        for row in range(height):
            for column in range(width):
                hidden = self.first.at(row, column, embedded, first) + known[..., row, column]
                for layer, weight, map_ in layers:
                    layer.put(row, column, map_, functional.silu(hidden))
                    hidden = hidden + layer.at(row, column, map_, weight)
                logits = self.logits(functional.silu(hidden)[..., None, None])[..., 0, 0]
                probabilities = torch.softmax(logits, 1)
                if generator is not None:
                    probabilities = probabilities.cpu()
                drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0].to(codes.device)
                codes[:, row, column] = drawn
                self.first.put(row, column, embedded, self.codes(drawn))
        return codes
