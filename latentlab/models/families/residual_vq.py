"""Residual quantisation: several codebooks for one grid, each for what the ones before have left."""

from __future__ import annotations

import torch
from torch import Tensor

from latentlab.models.base import Batch
from latentlab.models.families.codebook import Quantised
from latentlab.models.families.vq import VQVAE


class ResidualVQVAE(VQVAE):
    """A grid of vectors, each the sum of one entry of every codebook.

    z is the entries of each codebook in turn, flattened; the first has the largest. A learned prior draws the codes of
    one codebook after another, each given the sum of the entries so far.

    Examples
    --------
    >>> from latentlab.config import ArchitectureConfig, CodebookConfig, ModelConfig
    >>> codebook = CodebookConfig(kind="residual", depth=3, size=16)
    >>> config = ModelConfig(family="vq", architecture=ArchitectureConfig(kind="conv", width=8), codebook=codebook)
    >>> model = ResidualVQVAE(config, (1, 28, 28))
    >>> len(model.codes(Batch(torch.rand(5, 1, 28, 28))))
    3

    References
    ----------
    Lee et al. 2022, Autoregressive Image Generation using Residual Quantization (arXiv:2203.01941); Zeghidour et al.
    2021, SoundStream (arXiv:2107.03312).
    """

    def prepare(self, batch: Batch, images: int) -> None:
        """Initialise each codebook from what the ones before leave of the untrained encoder's vectors."""
        with torch.no_grad():
            left = self.to_fine(self._features(batch))
            for level in range(len(self.grids)):
                book = self._book(level)
                book.prepare(left)
                left = left - book.lookup(book.nearest(left))

    def quantise(self, batch: Batch) -> list[Quantised]:
        """Codes and entries of each codebook; the straight-through gradient of their sum is that of the first."""
        left = self.to_fine(self._features(batch))
        levels: list[Quantised] = []
        for level in range(len(self.grids)):
            quantised = self._book(level)(left)
            left = left - quantised.entries.detach()
            levels.append(quantised if level == 0 else quantised._replace(entries=quantised.entries.detach()))
        return levels

    def codes_only(self, batch: Batch) -> list[Tensor]:
        """As ``codes``; the codebooks collect no statistics."""
        left = self.to_fine(self._features(batch))
        codes = []
        for level in range(len(self.grids)):
            book = self._book(level)
            codes.append(book.codes_of(left))
            left = left - book.lookup(codes[-1])
        return codes

    def _output(self, entries: list[Tensor]) -> Tensor:
        return super()._output([torch.stack(entries).sum(0)])

    def _context(self, codes: list[Tensor], level: int) -> Tensor | None:
        """The sum of the entries of the codebooks before; ``None`` for the first."""
        if level == 0:
            return None
        return torch.stack([self._book(before).lookup(codes[before]) for before in range(level)]).sum(0)
