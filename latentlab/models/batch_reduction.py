"""Sums, means and rows over a whole batch, also when several processes hold a share of it each.

In one process these functions return their argument. In several, the trainer computes the losses inside
``batch_share``; sums, means and rows are then reduced over all shares, with their gradients. So are means over the
parts of a batch that one process computes one after the other (``SplitBatch``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class Share(Protocol):
    """A process's share of one batch."""

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, with its gradient."""
        ...

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the whole batch, from that over this share, with its gradient."""
        ...

    def rows(self, values: Tensor) -> Tensor:
        """The rows of all images in the batch's order, from this process's [B, D], with their gradient."""
        ...


class SplitBatch:
    """The parts of a batch that does not fit into memory, computed twice: first for means, then for gradients.

    A cost c of a mean over the whole batch has the gradient c'(mean) Σ_i w_i ∇mean_i over parts i that have shares w_i
    of the images. Each part's mean is therefore replaced by that of the batch, with the gradient of its own; the caller
    weights each part's gradient by w_i. Sums and rows stay those of a part.
    """

    def __init__(self) -> None:
        self._means: list[Tensor] = []
        self._weight: float | None = None
        self._calls = 0

    def start_part(self, weight: float | None) -> None:
        """Begin a part: in the first pass with its share of the images, in the second with ``None``."""
        self._weight, self._calls = weight, 0

    def mean(self, values: Tensor) -> Tensor:
        """The part's mean in the first pass, which is remembered; the batch's mean in the second."""
        call, self._calls = self._calls, self._calls + 1
        if self._weight is None:
            return values + (self._means[call] - values).detach()
        part = self._weight * values.detach()
        if call == len(self._means):
            self._means.append(part)
        else:
            self._means[call] = self._means[call] + part
        return values

    def sum(self, values: Tensor) -> Tensor:
        """The part's sum."""
        return values

    def rows(self, values: Tensor) -> Tensor:
        """The part's rows."""
        return values


_share: Share | None = None


@contextmanager
def batch_share(share: Share) -> Iterator[None]:
    """Compute the losses of one process's share of a batch inside this block."""
    global _share
    _share = share
    try:
        yield
    finally:
        _share = None


def gather_rows(values: Tensor) -> Tensor:
    """The rows of every image of the whole batch, from this process's [B, D]."""
    return values if _share is None else _share.rows(values)


def sum_over_batch(values: Tensor) -> Tensor:
    """The sum over the whole batch, from this process's part of it."""
    return values if _share is None else _share.sum(values)


def mean_over_batch(values: Tensor) -> Tensor:
    """The mean over the whole batch, from the mean over this process's share or over a part."""
    return values if _share is None else _share.mean(values)


def ratio_over_batch(total: Tensor, count: Tensor | int) -> Tensor:
    """The ratio of two sums over the whole batch, from this process's parts of both."""
    if _share is None:
        return total / count
    both = sum_over_batch(torch.stack([total, count if isinstance(count, Tensor) else torch.full_like(total, count)]))
    return both[0] / both[1]
