"""One optimizer step: for each phase of the model its losses, their gradients, and Adam's update."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.random import fork_rng

from latentlab.config import TrainingConfig
from latentlab.errors import RunError
from latentlab.models.base import Batch, LatentModel, Losses, StepState
from latentlab.models.batch_reduction import SplitBatch, batch_share
from latentlab.training.distributed import Shard
from latentlab.training.step.optimizers import Optimizers, is_out_of_memory

Terms = dict[str, Tensor]
Gradients = tuple[Tensor, Terms, Tensor | None]
"""A phase's objective, its terms, and whether to apply its gradients (``None`` for yes)."""


class OptimizerStep:
    """Takes the optimizer steps of a model.

    A batch that does not fit into the device's memory is split into micro-batches, whose gradients are added up. With
    several processes a batch is this process's shard, and the gradients are averaged over all processes.

    Parameters
    ----------
    model, config
        The model, and how it is trained.
    micro_batch
        Images in one forward pass.

    Attributes
    ----------
    micro_batch
        The same; halved whenever the device runs out of memory.
    optimizers
        One for each phase.
    notices
        Messages for the user; the caller removes what it has passed on.
    """

    def __init__(self, model: LatentModel, config: TrainingConfig, micro_batch: int) -> None:
        self.micro_batch = micro_batch
        self.optimizers = Optimizers(model, config)
        self.notices: list[str] = []
        self._model = model
        self._parallel: DistributedDataParallel | None = None

    def run(self, batch: Batch, state: StepState, learning_rate: float, shard: Shard | None = None) -> Terms:
        """Take one step; returns its terms, means over the batch, on the device.

        The gradient norm is among them if it was computed.

        Raises
        ------
        NonFiniteStepError
            When the objective or a gradient of a phase is not finite; that phase is not applied.
        RunError
            When the memory is too small even for one image.
        """
        allowed = self.micro_batch
        self.optimizers.set_learning_rate(learning_rate)
        terms = self._step(state, lambda phase: self._gradients(phase, batch, state, shard))
        if self.micro_batch < allowed:
            self.notices.append(
                f"{batch.x.device} has too little memory for {min(len(batch.x), allowed)} images at a time; "
                f"continuing with {self.micro_batch}, their gradients added up"
            )
        return terms

    def run_recordable(self, batch: Batch, state: StepState) -> Terms:
        """Take one step in one process and without splitting the batch, at the learning rate that is set.

        This is what a CUDA graph can record and replay.
        """
        # The gradients of all phases: backward of an earlier phase adds to those of a later one, and a replay would
        # add to tensors that no longer exist.
        for parameter in self._model.parameters():
            parameter.grad = None
        return self._step(state, lambda phase: self._accumulated(phase, batch, state))

    def weights(self) -> list[Tensor]:
        """Every weight and buffer that a step may change."""
        return [*self._model.parameters(), *self._model.buffers()]

    def discard_partial_step(self) -> None:
        """Discard what an interrupted step left behind."""
        for phase in self._model.phases:
            self.optimizers.zero_grad(phase)
        self._model.discard_partial_step()

    def _step(self, state: StepState, gradients: Callable[[str], Gradients]) -> Terms:
        terms: Terms = {}
        for phase in self._model.phases:
            self.optimizers.zero_grad(phase)
            objective, phase_terms, applies = gradients(phase)
            norm = self.optimizers.step(phase, objective, state, applies)
            suffix = "" if phase == self._model.phases[0] else f"_{phase}"
            terms |= {f"objective{suffix}": objective} | phase_terms
            if norm is not None:
                terms[f"gradient_norm{suffix}"] = norm
        self._model.on_step_end(state)
        self.optimizers.end_step()
        return terms

    def _gradients(self, phase: str, batch: Batch, state: StepState, shard: Shard | None) -> Gradients:
        """Compute the gradients of a phase, with half the images at a time whenever the memory is too small."""
        if shard is not None:
            return self._averaged(phase, batch, state, shard)
        while True:
            try:
                return self._accumulated(phase, batch, state)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Outside the except block: the traceback holds on to the tensors that did not fit.
            self.optimizers.zero_grad(phase)
            self._model.discard_partial_step()
            self._halve_micro_batch(batch)

    def _accumulated(self, phase: str, batch: Batch, state: StepState) -> Gradients:
        """Compute the gradients of a phase on the whole batch, one micro-batch after the other."""
        size = len(batch.x)
        if size <= self.micro_batch:
            losses = self._model.losses(phase, batch, state)
            return self._backward(losses.objective, 1.0, losses.applies), losses.terms, losses.applies
        objective = torch.zeros((), device=batch.x.device)
        terms: Terms = {}
        applies: Tensor | None = None
        parts = [_rows(batch, slice(start, start + self.micro_batch)) for start in range(0, size, self.micro_batch)]
        split = self._split(phase, parts, state)
        for part in parts:
            weight = len(part.x) / size
            losses = self._losses_of_part(phase, part, state, split)
            objective += self._backward(losses.objective, weight, losses.applies) * weight
            if losses.applies is not None:
                applies = losses.applies if applies is None else applies | losses.applies
            for name, term in losses.terms.items():
                terms[name] = terms.get(name, 0.0) + term * weight
        return objective, terms, applies

    def _split(self, phase: str, parts: list[Batch], state: StepState) -> SplitBatch | None:
        """Find what an objective needs of the whole batch, with the noise that the parts will have; else ``None``."""
        if not self._model.rate_schedule.needs_whole_batch:
            return None
        split, device, size = SplitBatch(), parts[0].x.device, sum(len(part.x) for part in parts)
        accelerators = [] if device.type == "cpu" else [device.index or 0]
        with fork_rng(accelerators, device_type="cuda" if device.type == "cpu" else device.type):
            for part in parts:
                self._losses_of_part(phase, part, state, split, len(part.x) / size)
        return split

    def _losses_of_part(
        self, phase: str, part: Batch, state: StepState, split: SplitBatch | None, weight: float | None = None
    ) -> Losses:
        if split is None:
            return self._model.losses(phase, part, state)
        split.start_part(weight)
        with batch_share(split):
            return self._model.losses(phase, part, state)

    def _averaged(self, phase: str, batch: Batch, state: StepState, shard: Shard) -> Gradients:
        """Compute the gradients of a phase averaged over all processes; objective and terms are this process's own.

        A shard is not split when memory is short: more processes make smaller shards.
        """
        # Created with the first step: the model is prepared with data before.
        self._parallel = self._parallel or shard.group.parallel(self._model)
        try:
            objective, terms, applies = self._parallel(phase, batch, state, shard)
            if applies is not None:
                applies = shard.group.all(applies)
            return self._backward(objective, shard.weight, applies), terms, applies
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise RunError(
                f"{batch.x.device} has too little memory for its share of {len(batch.x)} images; "
                "try a smaller batch, or more processes"
            ) from None

    def _backward(self, objective: Tensor, weight: float, applies: Tensor | None) -> Tensor:
        """Add ``weight`` times the objective's gradient; returns the objective, or 0 when the phase is skipped.

        Where the guard is deferred the device is not asked whether to skip: the gradient is computed, and is 0.
        """
        if applies is None:
            (objective if weight == 1.0 else objective * weight).backward()  # type: ignore[no-untyped-call]
            return objective.detach()
        if self.optimizers.deferred:
            objective = torch.where(applies, objective, torch.zeros_like(objective))
        elif not applies:
            return torch.zeros_like(objective)
        return self._backward(objective, weight, None)

    def _halve_micro_batch(self, batch: Batch) -> None:
        present = min(self.micro_batch, len(batch.x))
        if present == 1:
            raise RunError(
                f"{batch.x.device} has too little memory for even one image at a time; "
                "try smaller images, a smaller architecture, or --device cpu"
            )
        self.micro_batch = present // 2
        if batch.x.device.type == "cuda":
            torch.cuda.empty_cache()


def _rows(batch: Batch, rows: slice) -> Batch:
    return Batch(
        batch.x[rows],
        None if batch.label is None else batch.label[rows],
        None if batch.index is None else batch.index[rows],
    )
