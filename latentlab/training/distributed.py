"""One run on several processes, one per device, as ``torchrun`` starts them.

Every process holds the model and the images and takes its shard of each batch; torch's DistributedDataParallel averages
the gradients (Li et al. 2020, arXiv:2006.15704), so that all processes have the same weights.

What a recipe computes over a whole batch (a divergence between samples, an optimal σ, codebook updates, a capacity or
free bits of the rate) is computed over all shards. Each process has its own noise. Steps are not recorded as CUDA
graphs: each phase leaves some parameters without a gradient, and DistributedDataParallel looks for these from Python.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from latentlab.errors import RunError
from latentlab.models.base import Batch, LatentModel, Losses, StepState
from latentlab.models.batch_reduction import batch_share

_STEP_TIMEOUT = timedelta(minutes=10)  # for the other processes during a step
_LOADING_TIMEOUT = timedelta(days=2)  # for the main process while it reads a dataset that is not in the cache yet


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, as one of them sees them.

    Attributes
    ----------
    rank, size
        This process's number from 0, and the number of processes.
    device
        The device of this process.
    cpu_group
        torch's group for communication through the CPU with a long timeout, between steps.
    """

    rank: int
    size: int
    device: torch.device
    cpu_group: distributed.ProcessGroup | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and reports progress."""
        return self.rank == 0

    def shard(self, indices: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Shard]:
        """Take this process's part of a batch.

        Shards differ by one image at most. With fewer images than processes, some get one image that does not count:
        all must take part in every step.
        """
        mine = slice(self.rank, None, self.size)
        count = len(indices[mine])
        shard = Shard(self, count, len(indices))
        return (indices[mine], positions[mine], shard) if count else (indices[:1], positions[:1], shard)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes (waits for the slowest)."""
        summed = values.detach().to("cpu", copy=True)
        distributed.all_reduce(summed, group=self.cpu_group)
        return summed.to(values.device)

    def any(self, value: bool) -> bool:
        """Whether ``value`` is true in any process (waits for the slowest)."""
        return bool(self.sum(torch.tensor(float(value))).item())

    def all(self, value: Tensor) -> Tensor:
        """Whether ``value`` is true in all processes, as a scalar on the device; does not wait for it."""
        false = (~value).to(torch.float32)
        distributed.all_reduce(false)
        return false == 0

    def barrier(self) -> None:
        """Wait until every process has called this."""
        self.sum(torch.zeros(1))

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run the block in the main process first; the others then find its results in the cache."""
        if not self.is_main:
            self.barrier()
        yield
        if self.is_main:
            self.barrier()

    def parallel(self, model: LatentModel) -> DistributedDataParallel:
        """The model's losses as a module, called with phase, batch, state and shard; its gradients are averaged."""
        # Only where needed: looking for unused parameters costs time, and torch warns if there are none.
        return DistributedDataParallel(_ModelLosses(model), find_unused_parameters=has_unused_parameters(model))


def has_unused_parameters(model: LatentModel) -> bool:
    """Whether the objective of a step may leave some parameters without a gradient.

    A phase has none for the parameters of another, what is learned from labels has none in a batch without labels, and
    with points as posterior there is no rate from which a prior could be learned.
    """
    config = model.config
    unlearned_prior = config.posterior.kind == "delta" and config.prior.kind != "standard"
    return len(model.phases) > 1 or config.family == "semi-supervised" or unlearned_prior


@dataclass(frozen=True)
class Shard:
    """A process's part of one batch.

    Attributes
    ----------
    group
        The processes that share the batch.
    images
        The number of its images that count.
    total
        The number of images in the whole batch.
    """

    group: ProcessGroup
    images: int
    total: int

    @property
    def weight(self) -> float:
        """Its size relative to the average shard."""
        return self.images * self.group.size / self.total

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, with its gradient."""
        from torch.distributed.nn.functional import all_reduce

        summed: Tensor = all_reduce(values if self.images else values * 0)  # type: ignore[no-untyped-call]
        return summed

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the whole batch, from that over this shard, with its gradient."""
        return self.sum(values * (self.images / self.total))

    def rows(self, values: Tensor) -> Tensor:
        """The rows of all images, in the batch's order, from each process's [B, D]; with their gradient."""
        whole = values.new_zeros(self.total, *values.shape[1:])
        # Each row is filled by one process and 0 in the others: the sum is the whole.
        whole[self.group.rank :: self.group.size] = values[: self.images]
        return self.sum(whole)


class _ModelLosses(nn.Module):
    """The module that DistributedDataParallel wraps: it averages gradients of what ``forward`` computes."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, phase: str, batch: Batch, state: StepState, shard: Shard
    ) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
        with batch_share(shard):
            losses: Losses = self.model.losses(phase, batch, state)
        return losses.objective, losses.terms, losses.applies


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup | None]:
    """Join the processes that ``torchrun`` started, by NCCL on CUDA and Gloo elsewhere; ``None`` without ``torchrun``.

    Parameters
    ----------
    device
        ``auto`` takes the CUDA device of the process's local rank if there is one, else the CPU.

    Raises
    ------
    RunError
        Out of the ``with`` block, when another process has ended or does not answer during a step.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        yield None
        return
    cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(own)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=_STEP_TIMEOUT)
    cpu_group = distributed.new_group(backend="gloo", timeout=_LOADING_TIMEOUT)
    assert isinstance(cpu_group, distributed.ProcessGroup)
    try:
        yield ProcessGroup(distributed.get_rank(), size, own, cpu_group)
    except RuntimeError as error:
        if not _is_connection_lost(error):
            raise
        # Without destroy_process_group, which would wait for the others.
        raise RunError(
            "another process of this run has ended or does not answer; start all of them again with --resume to "
            "continue from the last checkpoint"
        ) from error
    distributed.destroy_process_group()


def _is_connection_lost(error: RuntimeError) -> bool:
    """Whether another process is gone (Gloo has no exception class for it)."""
    signs = ("gloo/", "Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")
    return isinstance(error, distributed.DistError) or any(sign in str(error) for sign in signs)
