"""Sums and rows over a whole batch, also when several processes hold a share of it each.

In one process these functions return their argument. In several, the trainer computes the losses inside
``batch_share``; sums and rows are then reduced over all shares, with their gradients.
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

    def rows(self, values: Tensor) -> Tensor:
        """The rows of all images in the batch's order, from this process's [B, D], with their gradient."""
        ...


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


def ratio_over_batch(total: Tensor, count: Tensor | int) -> Tensor:
    """The ratio of two sums over the whole batch, from this process's parts of both."""
    if _share is None:
        return total / count
    both = sum_over_batch(torch.stack([total, count if isinstance(count, Tensor) else torch.full_like(total, count)]))
    return both[0] / both[1]
