"""One run on several processes, one a device, as ``torchrun`` starts them.

Every process holds the model and the images and takes its share of each batch; the gradients are averaged by torch's
DistributedDataParallel (Li et al. 2020, arXiv:2006.15704), so that the weights stay the same everywhere.

What a recipe computes of a whole batch at once (a divergence between samples, an optimal σ, where codebooks go) it
computes of the whole. What differs from one process is the noise, of which each has its own. Steps are not recorded as
CUDA graphs: of a phase's gradients some are missing, and DistributedDataParallel asks on the processor for which.
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

_A_STEP = timedelta(minutes=10)  # that others are waited for in the midst of one
_LOADING = timedelta(days=2)  # that the first process may take to read a dataset that is not in the cache yet


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a run, as one of them sees them.

    Attributes
    ----------
    rank, size
        This process's number from 0, and how many there are.
    device
        What this process computes on.
    patient
        The same processes as they speak beside the steps: through the processor, and with time to wait.
    """

    rank: int
    size: int
    device: torch.device
    patient: distributed.ProcessGroup | None = None

    @property
    def writes(self) -> bool:
        """Whether it is this process that writes files and tells how it goes."""
        return self.rank == 0

    def share(self, images: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Share]:
        """The part of a batch that this process takes.

        Shares differ by one image at most. Where there are fewer images than processes some get one that does not
        count: all must take part in every step.
        """
        mine = slice(self.rank, None, self.size)
        count = len(images[mine])
        share = Share(self, count, len(images))
        return (images[mine], places[mine], share) if count else (images[:1], places[:1], share)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of everybody's values (waits for the slowest)."""
        summed = values.detach().to("cpu", copy=True)
        distributed.all_reduce(summed, group=self.patient)
        return summed.to(values.device)

    def any(self, mine: bool) -> bool:
        """Whether somebody says so (waits for the slowest)."""
        return bool(self.sum(torch.tensor(float(mine))).item())

    def all(self, mine: Tensor) -> Tensor:
        """Whether everybody says so, as a scalar on the device, which need not be waited for."""
        others = (~mine).to(torch.float32)
        distributed.all_reduce(others)
        return others == 0

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
        """The model's losses as a module, called with phase, batch, state and share; its gradients are averaged."""
        # Not for all recipes: looking for them costs time, and torch warns where there are none.
        return DistributedDataParallel(_LossesOf(model), find_unused_parameters=may_leave_out(model))


def may_leave_out(model: LatentModel) -> bool:
    """Whether a step's objective may have gradients for some of the parameters only.

    Those of one phase have none for another's; what is learned of labels waits for them; and points have no rate by
    which a prior could be learned.
    """
    config = model.config
    unlearned_prior = config.posterior.kind == "delta" and config.prior.kind != "standard"
    return len(model.phases) > 1 or config.family == "semi-supervised" or unlearned_prior


@dataclass(frozen=True)
class Share:
    """A process's part of one batch.

    Attributes
    ----------
    group
        Who shares it.
    images
        Those of its images that count.
    total
        Images of the whole batch.
    """

    group: ProcessGroup
    images: int
    total: int

    @property
    def weight(self) -> float:
        """How much larger it is than the average share."""
        return self.images * self.group.size / self.total

    def sum(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, with its gradient."""
        from torch.distributed.nn.functional import all_reduce

        summed: Tensor = all_reduce(values if self.images else values * 0)  # type: ignore[no-untyped-call]
        return summed

    def rows(self, values: Tensor) -> Tensor:
        """All images' rows, in the batch's order, of this process's [B, D], with their gradient."""
        whole = values.new_zeros(self.total, *values.shape[1:])
        # Every row is somebody's and 0 to the others: the sum is the whole.
        whole[self.group.rank :: self.group.size] = values[: self.images]
        return self.sum(whole)


class _LossesOf(nn.Module):
    """What DistributedDataParallel wraps: it watches over ``forward`` alone."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, phase: str, batch: Batch, state: StepState, share: Share
    ) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
        with batch_share(share):
            losses: Losses = self.model.losses(phase, batch, state)
        return losses.objective, losses.terms, losses.applies


@contextmanager
def joined(device: str) -> Iterator[ProcessGroup | None]:
    """Join the processes that ``torchrun`` started, with NCCL on CUDA and Gloo elsewhere; ``None`` for one alone.

    Parameters
    ----------
    device
        ``auto`` takes the CUDA device of the process's number on its machine where there is one, else the CPU.

    Raises
    ------
    RunError
        Out of the ``with`` block, when another process has ended or does not answer in the midst of a step.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        yield None
        return
    cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=_A_STEP)
    patient = distributed.new_group(backend="gloo", timeout=_LOADING)
    assert isinstance(patient, distributed.ProcessGroup)
    try:
        yield ProcessGroup(distributed.get_rank(), size, place, patient)
    except RuntimeError as error:
        if not is_lost(error):
            raise
        # Nothing is taken down in good order any more: the others would be waited for.
        raise RunError(
            "another process of this run has ended or does not answer; start all of them again with --resume to go on "
            "from the last checkpoint"
        ) from error
    distributed.destroy_process_group()


def is_lost(error: RuntimeError) -> bool:
    """Whether torch means that another process is not there any more (Gloo has no class of its own for it)."""
    signs = ("gloo/", "Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")
    return isinstance(error, distributed.DistError) or any(sign in str(error) for sign in signs)
