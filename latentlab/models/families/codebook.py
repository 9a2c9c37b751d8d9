"""Quantisation of vectors: with a codebook of moving averages, or of each number by itself."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import CodebookConfig
from latentlab.models.batch_reduction import sum_over_batch

# Codes used less than this share of uniform use are reset to a vector of the batch.
DEAD_SHARE = 0.03
# A code that begins at a use of 1 and is never used falls below that share after ln(.03) / ln(.99) = 349 steps. Codes
# that begin at different uses, log-uniform from √.03 to 1, do so after 175 to 349 steps and are not all reset at once.
LEAST_FIRST_COUNT = DEAD_SHARE**0.5


class Quantised(NamedTuple):
    """Quantised maps [B, D, h, w].

    Attributes
    ----------
    codes
        int64 [B, h, w].
    entries
        Entries of these codes, [B, D, h, w], with a straight-through gradient.
    distance
        Squared distance of the maps from their entries, summed per image, [B].
    """

    codes: Tensor
    entries: Tensor
    distance: Tensor


class Codebook(nn.Module):
    """A codebook whose entries are moving averages of the vectors assigned to them.

    Examples
    --------
    >>> book = Codebook(CodebookConfig(size=8, dimension=2))
    >>> quantised = book(torch.randn(5, 2, 4, 4))
    >>> quantised.codes.shape, quantised.entries.shape
    (torch.Size([5, 4, 4]), torch.Size([5, 2, 4, 4]))

    References
    ----------
    van den Oord, Vinyals & Kavukcuoglu 2017, Neural Discrete Representation Learning (arXiv:1711.00937), appendix.
    """

    entries: Tensor
    counts: Tensor
    sums: Tensor
    steps: Tensor

    def __init__(self, config: CodebookConfig) -> None:
        super().__init__()
        self.config = config
        entries = torch.randn(config.size, config.dimension)
        self.register_buffer("entries", entries)
        self.register_buffer("counts", torch.ones(config.size))
        self.register_buffer("sums", entries.clone())
        self.register_buffer("steps", torch.tensor(0.0))
        self._pending: list[tuple[Tensor, Tensor, Tensor]] = []

    def nearest(self, maps: Tensor) -> Tensor:
        """Codes int64 [B, h, w] of the entries nearest to maps [B, D, h, w]."""
        vectors = maps.permute(0, 2, 3, 1)
        # ‖v − e‖² without ‖v‖², which is the same for all entries.
        distances = (self.entries**2).sum(1) - 2 * vectors @ self.entries.T
        return distances.argmin(-1)

    def lookup(self, codes: Tensor) -> Tensor:
        """Entries [B, D, h, w] of codes [B, h, w]."""
        return self.entries[codes].permute(0, 3, 1, 2)

    def forward(self, maps: Tensor) -> Quantised:
        """Quantise maps [B, D, h, w]; in training, collect the statistics for ``update_entries``."""
        codes = self.nearest(maps.detach())
        entries = self.lookup(codes)
        if self.training:
            self._collect(maps.detach(), codes)
        distance = ((maps - entries) ** 2).flatten(1).sum(1)
        return Quantised(codes, maps + (entries - maps).detach(), distance)

    def codes_of(self, maps: Tensor) -> Tensor:
        """The codes [B, h, w] that the encoder's maps [B, D, h, w] get; no statistics are collected."""
        return self.nearest(maps)

    @torch.no_grad()
    def prepare(self, maps: Tensor) -> None:
        """Initialise the entries from vectors of maps [B, D, h, w], with a little noise so that no two are equal."""
        vectors = maps.permute(0, 2, 3, 1).flatten(0, 2)
        chosen = vectors[torch.randint(len(vectors), (self.config.size,), device=vectors.device)]
        self.entries.copy_(chosen + 0.01 * vectors.std() * torch.randn_like(chosen))
        self.counts.copy_(self._first_counts())
        self.sums.copy_(self.entries * self.counts[:, None])

    def _collect(self, maps: Tensor, codes: Tensor) -> None:
        vectors = maps.permute(0, 2, 3, 1).flatten(0, 2)
        chosen = functional.one_hot(codes.flatten(), self.config.size).to(vectors.dtype)
        replacements = vectors[torch.randint(len(vectors), (self.config.size,), device=vectors.device)]
        self._pending.append((sum_over_batch(chosen.sum(0)), sum_over_batch(chosen.T @ vectors), replacements))

    def discard_partial_step(self) -> None:
        """Drop the statistics of an interrupted step."""
        self._pending.clear()

    def _first_counts(self) -> Tensor:
        """Uses [size] that codes begin with, all different."""
        counts: Tensor = LEAST_FIRST_COUNT ** torch.rand_like(self.counts)
        return counts

    @torch.no_grad()
    def update_entries(self, is_learning: Tensor) -> None:
        """Update the moving averages with the vectors of the last step, unless ``is_learning`` is 0.

        It is a scalar, 0 or 1, which a captured CUDA graph reads in place.
        """
        if not self._pending:
            return
        counts = torch.stack([part[0] for part in self._pending]).sum(0)
        sums = torch.stack([part[1] for part in self._pending]).sum(0)
        replacements = self._pending[-1][2]
        self._pending.clear()
        self.steps.add_(is_learning)
        # At first the mean of all steps: the encoder changes fast then, and entries that lag behind die.
        weight = torch.maximum(1 / (1 + self.steps), torch.full_like(self.steps, 1 - self.config.decay)) * is_learning
        # Relative to uniform use, not absolute counts: independent of the batch size.
        uniform = counts.sum().clamp_min(1) / self.config.size
        self.counts.lerp_(counts / uniform, weight)
        self.sums.lerp_(sums / uniform, weight)
        dead = (self.counts < DEAD_SHARE) & (is_learning > 0)
        first = self._first_counts()
        self.counts.copy_(torch.where(dead, first, self.counts))
        self.sums.copy_(torch.where(dead[:, None], replacements * first[:, None], self.sums))
        self.entries.copy_(torch.where(is_learning > 0, self.sums / self.counts[:, None], self.entries))


class FiniteScalars(Codebook):
    """A fixed codebook: each number of a vector is bounded by tanh, and rounded to one of L values in [−1, 1].

    Nothing is learned or restarted, there is no commitment term, and every entry can be used. The entries are all
    combinations of values, the last number varying fastest.

    Examples
    --------
    >>> scalars = FiniteScalars(CodebookConfig(kind="finite-scalar", dimension=2, values=3))
    >>> scalars.entries.tolist()[:4]
    [[-1.0, -1.0], [-1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]]
    >>> scalars(torch.zeros(1, 2, 1, 1)).codes.item()
    4

    References
    ----------
    Mentzer et al. 2024, Finite Scalar Quantization: VQ-VAE Made Simple (arXiv:2309.15505).
    """

    def __init__(self, config: CodebookConfig) -> None:
        nn.Module.__init__(self)
        self.config = config
        self._half = (config.values - 1) / 2
        numbers = [torch.arange(config.values) / self._half - 1] * config.dimension
        entries = torch.cartesian_prod(*numbers).view(-1, config.dimension)
        self.register_buffer("entries", entries, persistent=False)
        powers = config.values ** torch.arange(config.dimension - 1, -1, -1)
        self.register_buffer("_powers", powers, persistent=False)

    _powers: Tensor

    def nearest(self, maps: Tensor) -> Tensor:
        """Codes int64 [B, h, w] of the entries nearest to maps [B, D, h, w] in the entries' own units."""
        levels = torch.round((maps + 1) * self._half).clamp(0, self.config.values - 1).long()
        return (levels * self._powers[:, None, None]).sum(1)

    def codes_of(self, maps: Tensor) -> Tensor:
        """The codes [B, h, w] that the encoder's maps [B, D, h, w] get: their numbers are bounded first."""
        return self.nearest(torch.tanh(maps))

    def forward(self, maps: Tensor) -> Quantised:
        """Quantise maps [B, D, h, w]; their distance from the entries costs nothing."""
        bounded = torch.tanh(maps)
        codes = self.nearest(bounded.detach())
        return Quantised(codes, bounded + (self.lookup(codes) - bounded).detach(), maps.new_zeros(len(maps)))

    def prepare(self, maps: Tensor) -> None:
        """Nothing: the entries are fixed."""

    def discard_partial_step(self) -> None:
        """Nothing: no statistics are collected."""

    def update_entries(self, is_learning: Tensor) -> None:
        """Nothing: the entries are fixed."""


def build_codebook(config: CodebookConfig) -> Codebook:
    """A codebook of ``config.kind``."""
    return FiniteScalars(config) if config.kind == "finite-scalar" else Codebook(config)


def perplexity(codes: Tensor, size: int) -> Tensor:
    """Exponential of the entropy of the codes' frequencies: the effective number of codes in use."""
    # Not bincount, which reads the largest code from the device.
    each = torch.ones(codes.numel(), device=codes.device)
    shares = torch.zeros(size, device=codes.device).scatter_add_(0, codes.flatten(), each) / codes.numel()
    return torch.exp(-torch.xlogy(shares, shares).sum())
