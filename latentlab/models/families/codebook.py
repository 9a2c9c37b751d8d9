"""A codebook: the nearest of a few vectors stands for each vector."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentlab.config import CodebookConfig
from latentlab.models.batch_reduction import sum_of_all

# Codes used by less than this share of an even use are given a vector of the batch to start anew.
DEAD_SHARE = 0.03


class Quantised(NamedTuple):
    """What became of maps [B, D, h, w].

    Attributes
    ----------
    codes
        int64 [B, h, w].
    entries
        Of these codes, [B, D, h, w], the gradient passed straight through.
    distance
        Squared distance of the maps from the entries, summed per image, [B].
    """

    codes: Tensor
    entries: Tensor
    distance: Tensor


class Codebook(nn.Module):
    """Entries that are moving averages of the vectors they stand for (van den Oord, Vinyals & Kavukcuoglu 2017)."""

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

    def entries_of(self, codes: Tensor) -> Tensor:
        """Entries [B, D, h, w] of codes [B, h, w]."""
        return self.entries[codes].permute(0, 3, 1, 2)

    def forward(self, maps: Tensor) -> Quantised:
        """Quantise maps [B, D, h, w]; in training, remember what the entries are to follow."""
        codes = self.nearest(maps.detach())
        entries = self.entries_of(codes)
        if self.training:
            self._remember(maps.detach(), codes)
        distance = ((maps - entries) ** 2).flatten(1).sum(1)
        return Quantised(codes, maps + (entries - maps).detach(), distance)

    @torch.no_grad()
    def prepare(self, maps: Tensor) -> None:
        """Begin at vectors of maps [B, D, h, w], each a little aside so that no two are the same."""
        vectors = maps.permute(0, 2, 3, 1).flatten(0, 2)
        chosen = vectors[torch.randint(len(vectors), (self.config.size,), device=vectors.device)]
        self.entries.copy_(chosen + 0.01 * vectors.std() * torch.randn_like(chosen))
        self.sums.copy_(self.entries)
        self.counts.fill_(1)

    def _remember(self, maps: Tensor, codes: Tensor) -> None:
        vectors = maps.permute(0, 2, 3, 1).flatten(0, 2)
        chosen = functional.one_hot(codes.flatten(), self.config.size).to(vectors.dtype)
        aside = vectors[torch.randint(len(vectors), (self.config.size,), device=vectors.device)]
        self._pending.append((sum_of_all(chosen.sum(0)), sum_of_all(chosen.T @ vectors), aside))

    def forget(self) -> None:
        """Forget what a step that was broken off has remembered."""
        self._pending.clear()

    @torch.no_grad()
    def follow(self) -> None:
        """Move the entries to where the vectors of the last step were."""
        if not self._pending:
            return
        counts = torch.stack([part[0] for part in self._pending]).sum(0)
        sums = torch.stack([part[1] for part in self._pending]).sum(0)
        aside = self._pending[-1][2]
        self._pending.clear()
        self.steps.add_(1)
        # At first the mean of all steps so far: the encoder moves fast then, and entries left behind are lost.
        share = torch.maximum(1 / (1 + self.steps), torch.full_like(self.steps, 1 - self.config.decay))
        # Relative to an even use, not in numbers: the same for any size of batch.
        even = counts.sum().clamp_min(1) / self.config.size
        self.counts.lerp_(counts / even, share)
        self.sums.lerp_(sums / even, share)
        dead = self.counts < DEAD_SHARE
        self.counts.copy_(torch.where(dead, 1.0, self.counts))
        self.sums.copy_(torch.where(dead[:, None], aside, self.sums))
        self.entries.copy_(self.sums / self.counts[:, None])


def perplexity(codes: Tensor, size: int) -> Tensor:
    """Exponential of the entropy of the codes' use: how many are in even use."""
    # Not bincount: it asks the device for the largest code.
    each = torch.ones(codes.numel(), device=codes.device)
    shares = torch.zeros(size, device=codes.device).scatter_add_(0, codes.flatten(), each) / codes.numel()
    return torch.exp(-torch.xlogy(shares, shares).sum())
