"""One optimizer step: the losses of every phase, in as many pieces as the memory asks for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from latentlab.config import TrainingConfig
from latentlab.errors import RunError
from latentlab.models.base import Batch, LatentModel, StepState
from latentlab.training.distributed import Share
from latentlab.training.step.optimizers import Optimizers, is_out_of_memory

Terms = dict[str, Tensor]
Gradients = tuple[Tensor, Terms, Tensor | None]
"""The objective that a phase's gradients are of, its terms, and whether to apply the gradients."""


class OptimizerStep:
    """Takes a model's optimizer steps.

    Parameters
    ----------
    model, config
        What is trained, and how.
    micro_batch
        Images to put through the model at a time.

    Attributes
    ----------
    micro_batch
        The same, halved each time the device's memory did not do.
    optimisers
        One a phase.
    """

    def __init__(self, model: LatentModel, config: TrainingConfig, micro_batch: int) -> None:
        self.micro_batch = micro_batch
        self.optimisers = Optimizers(model, config)
        self._model = model
        self._parallel: DistributedDataParallel | None = None

    def step(self, batch: Batch, state: StepState, learning_rate: float, share: Share | None = None) -> Terms:
        """Take one step on a batch; its terms, as means over the batch that are still on the device.

        The gradient's norm is among them where it is measured.

        With several processes the batch is a ``share`` of one.

        Raises
        ------
        BadStep
            When a phase's objective or gradient is not finite; the weights are as before.
        RunError
            When the memory does not do even for one image at a time.
        """
        self.optimisers.set_rate(learning_rate)
        return self._take(state, lambda phase: self._gradients(phase, batch, state, share))

    def whole_step(self, batch: Batch, state: StepState) -> Terms:
        """The same with the learning rate as it is, in one process and one piece: what can be recorded and replayed."""
        # A later phase's gradients too: an earlier one adds to them, and a recording would go on adding to tensors
        # that are not there any more.
        for parameter in self._model.parameters():
            parameter.grad = None
        return self._take(state, lambda phase: self._accumulated(phase, batch, state))

    def weights(self) -> list[Tensor]:
        """Every weight and buffer that a step may change."""
        return [*self._model.parameters(), *self._model.buffers()]

    def discard_partial_step(self) -> None:
        """Forget what a step has left that did not come to its end."""
        for phase in self._model.phases:
            self.optimisers.clear(phase)
        self._model.discard_partial_step()

    def _take(self, state: StepState, gradients: Callable[[str], Gradients]) -> Terms:
        terms: Terms = {}
        for phase in self._model.phases:
            self.optimisers.clear(phase)
            objective, of_phase, applies = gradients(phase)
            norm = self.optimisers.step(phase, objective, state, applies)
            suffix = "" if phase == self._model.phases[0] else f"_{phase}"
            terms |= of_phase | {f"objective{suffix}": objective}
            if norm is not None:
                terms[f"gradient_norm{suffix}"] = norm
        self._model.on_step_end(state)
        self.optimisers.count()
        return terms

    def _gradients(self, phase: str, batch: Batch, state: StepState, share: Share | None) -> Gradients:
        if share is not None:
            return self._shared(phase, batch, state, share)
        while True:
            try:
                return self._accumulated(phase, batch, state)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # Outside the except block: the traceback holds on to the tensors that did not fit.
            self.optimisers.clear(phase)
            self._model.discard_partial_step()
            self._halve(batch)

    def _shared(self, phase: str, batch: Batch, state: StepState, share: Share) -> Gradients:
        """Everybody's gradients, averaged, and this process's own objective and terms.

        The batch is not split when memory is short: more processes are the way to smaller shares.
        """
        # Not before the first step: the model is prepared with data then.
        self._parallel = self._parallel or share.group.parallel(self._model)
        try:
            objective, terms, applies = self._parallel(phase, batch, state, share)
            if applies is not None:
                applies = share.group.all(applies)
            return self._backward(objective, share.weight, applies), terms, applies
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise RunError(
                f"{batch.x.device} has too little memory for its share of {len(batch.x)} images; "
                "try a smaller batch, or more processes"
            ) from None

    def _halve(self, batch: Batch) -> None:
        present = min(self.micro_batch, len(batch.x))
        if present == 1:
            raise RunError(
                f"{batch.x.device} has too little memory for even one image at a time; "
                "try smaller images, a smaller architecture, or --device cpu"
            )
        self.micro_batch = present // 2
        if batch.x.device.type == "cuda":
            torch.cuda.empty_cache()

    def _accumulated(self, phase: str, batch: Batch, state: StepState) -> Gradients:
        """Gradients of one phase's loss on the batch; its objective and terms, and whether the step is to be taken."""
        size = len(batch.x)
        if size <= self.micro_batch:
            losses = self._model.losses(phase, batch, state)
            return self._backward(losses.objective, 1.0, losses.applies), losses.terms, losses.applies
        objective = torch.zeros((), device=batch.x.device)
        terms: Terms = {}
        applies: Tensor | None = None
        for start in range(0, size, self.micro_batch):
            part = _part(batch, slice(start, start + self.micro_batch))
            share = len(part.x) / size
            losses = self._model.losses(phase, part, state)
            objective += self._backward(losses.objective, share, losses.applies) * share
            if losses.applies is not None:
                applies = losses.applies if applies is None else applies | losses.applies
            for name, term in losses.terms.items():
                terms[name] = terms.get(name, 0.0) + term * share
        return objective, terms, applies

    def _backward(self, objective: Tensor, share: float, applies: Tensor | None) -> Tensor:
        """Add ``share`` times the objective's gradient, nothing where the phase rests; the objective, 0 where it rests.

        Where the device runs ahead it is not asked whether to rest: the gradient is made, and is 0.
        """
        if applies is None:
            (objective if share == 1.0 else objective * share).backward()  # type: ignore[no-untyped-call]
            return objective.detach()
        if self.optimisers.deferred:
            objective = torch.where(applies, objective, torch.zeros_like(objective))
        elif not applies:
            return torch.zeros_like(objective)
        return self._backward(objective, share, None)


def _part(batch: Batch, rows: slice) -> Batch:
    return Batch(
        batch.x[rows],
        None if batch.label is None else batch.label[rows],
        None if batch.index is None else batch.index[rows],
    )
