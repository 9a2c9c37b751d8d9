"""One run on several processes, one a device, as ``torchrun`` starts them.

Every process holds the model and the images and takes its share of each batch; the gradients are averaged by torch's
DistributedDataParallel (Li et al. 2020, arXiv:2006.15704), so that the weights stay the same everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from latentlab.models.base import Batch, LatentModel, Losses, StepState


@dataclass(frozen=True)
class Group:
    """The processes of a run, as one of them sees them.

    Attributes
    ----------
    rank, size
        This process's number from 0, and how many there are.
    device
        What this process computes on.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def writes(self) -> bool:
        """Whether it is this process that writes files and tells how it goes."""
        return self.rank == 0

    def share(self, images: Tensor, places: Tensor) -> tuple[Tensor, Tensor, int]:
        """The part of a batch that this process takes, and how many of its images count.

        Shares differ by one image at most. Where there are fewer images than processes some get one that does not
        count: all must take part in every step.
        """
        mine = slice(self.rank, None, self.size)
        count = len(images[mine])
        return (images[mine], places[mine], count) if count else (images[:1], places[:1], 0)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of everybody's values (waits for the slowest)."""
        summed = values.detach().to(self.device, copy=True)
        distributed.all_reduce(summed)
        return summed.to(values.device)

    def any(self, mine: bool) -> bool:
        """Whether somebody says so (waits for the slowest)."""
        return bool(self.sum(torch.tensor(float(mine))).item())

    def all(self, mine: Tensor) -> Tensor:
        """Whether everybody says so, as a scalar on the device, which need not be waited for."""
        return self.sum((~mine).to(torch.float32)) == 0

    def wait(self) -> None:
        """Wait until everybody is here."""
        self.sum(torch.zeros(1))

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the process that writes do it first; the others find what it has left in the cache."""
        if not self.writes:
            self.wait()
        yield
        if self.writes:
            self.wait()

    def parallel(self, model: LatentModel) -> DistributedDataParallel:
        """The model's losses as a module: called with phase, batch and state, its gradients are averaged over all."""
        # A phase has gradients for some of the parameters only.
        return DistributedDataParallel(_LossesOf(model), find_unused_parameters=True)


class _LossesOf(nn.Module):
    """What DistributedDataParallel wraps: it watches over ``forward`` alone."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, phase: str, batch: Batch, state: StepState) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
        losses: Losses = self.model.losses(phase, batch, state)
        return losses.objective, losses.terms, losses.applies


@contextmanager
def joined(device: str) -> Iterator[Group | None]:
    """Join the processes that ``torchrun`` started, with NCCL on CUDA and Gloo elsewhere; ``None`` for one alone.

    Parameters
    ----------
    device
        ``auto`` takes the CUDA device of the process's number on its machine where there is one, else the CPU.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        yield None
        return
    cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Group(distributed.get_rank(), size, place)
    finally:
        distributed.destroy_process_group()
