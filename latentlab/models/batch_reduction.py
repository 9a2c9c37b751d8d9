"""What is computed of a whole batch, also where several processes hold a share of it each.

Alone, a batch is its own whole and nothing is done. Together, the trainer says inside which share the losses are
computed; sums and rows of all shares then pass through, and so do their gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class Share(Protocol):
    """A process's part of one batch."""

    def sum(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, with its gradient."""
        ...

    def rows(self, values: Tensor) -> Tensor:
        """All images' rows, in the batch's order, of this process's [B, D], with their gradient."""
        ...


_share: Share | None = None


@contextmanager
def part_of(share: Share) -> Iterator[None]:
    """Compute losses of one process's share of a batch."""
    global _share
    _share = share
    try:
        yield
    finally:
        _share = None


def rows_of_all(values: Tensor) -> Tensor:
    """The rows [B, D] of every image of the batch."""
    return values if _share is None else _share.rows(values)


def sum_of_all(values: Tensor) -> Tensor:
    """A sum over the whole batch, of this process's part of it."""
    return values if _share is None else _share.sum(values)


def ratio_of_all(total: Tensor, count: Tensor | int) -> Tensor:
    """A sum over the whole batch divided by another, of this process's parts of both."""
    if _share is None:
        return total / count
    both = sum_of_all(torch.stack([total, count if isinstance(count, Tensor) else torch.full_like(total, count)]))
    return both[0] / both[1]
