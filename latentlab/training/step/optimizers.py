"""One optimizer for each phase of a model, and the guard against non-finite steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam as adam_step

from latentlab.config import TrainingConfig
from latentlab.models.base import LatentModel, StepState
from latentlab.storage.checkpoint_file import MOMENTS

_FUSED = ("cpu", "cuda", "mps")
_STEPS_BETWEEN_NORMS = 8
"""Where clipping does not need the norm: on the CPU it takes 4 % of a small step (measured: 784-500-20, batch 128), the
sums that the guard reads 1.7 %."""


class Optimizers:
    """An optimizer for each phase, with gradient clipping, a learning-rate schedule and a non-finite guard.

    The guard keeps the weights as they are when the objective or a gradient is NaN or infinite. Every element of every
    gradient is checked in every step, through the gradient's norm or sum. On CUDA, where reading a value would make
    the program wait, the device skips the step (``found_inf`` of the fused Adam) and all later ones, and ``check``
    raises at the next read-out. Elsewhere, and for the other optimizers, ``step`` raises before anything is changed.

    Parameters
    ----------
    model
        Its phases and their parameters.
    config
        Learning rate, weight decay, clipping and schedule.
    deferred
        Whether the guard reports later; by default only with Adam on CUDA.

    Attributes
    ----------
    learning_rate, schedule
        As configured, until they are changed during the run.
    deferred
        Whether the guard reports later.
    """

    def __init__(self, model: LatentModel, config: TrainingConfig, deferred: bool | None = None) -> None:
        self._config = config
        self._parameters = {phase: list(model.phase_parameters(phase)) for phase in model.phases}
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}
        device = next(model.parameters()).device
        self._moments: dict[str, tuple[list[Tensor], list[Tensor], list[Tensor]]] = {}
        factors = model.learning_rate_factors()
        self._optimizers = {
            phase: _optimizer(_groups(parameters, factors, config.learning_rate), config, device)
            for phase, parameters in self._parameters.items()
        }
        self.learning_rate = config.learning_rate
        self.schedule = config.schedule
        self.deferred = device.type == "cuda" and config.optimizer == "adam" if deferred is None else deferred
        self._non_finite = torch.zeros((), device=device)
        self._steps_applied = torch.zeros((), device=device, dtype=torch.int64)
        self._first_step = 0
        self._current_rate = config.learning_rate
        if self.deferred:
            for optimizer in self._optimizers.values():
                for group in optimizer.param_groups:
                    # A recorded step reads the rate from this tensor. torch would warn about each step of a capturable
                    # optimizer that is not recorded.
                    group["lr"] = torch.full((), group["lr"], device=device)
                    group["capturable"] = device.type == "cuda"
                optimizer._warned_capturable_if_run_uncaptured = True

    def scheduled_rate(self, fraction: float) -> float:
        """The learning rate when ``fraction`` of the run (0 to 1) is done."""
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))
        return self.learning_rate

    def set_learning_rate(self, learning_rate: float) -> None:
        """Use this learning rate from the next step on."""
        if learning_rate == self._current_rate:
            return
        self._current_rate = learning_rate
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                rate = learning_rate * group["factor"]
                if self.deferred:
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def zero_grad(self, phase: str) -> None:
        """Set the gradients of a phase to ``None``."""
        # Adam.zero_grad does the same, but its profiler hooks take longer than this loop.
        for parameter in self._parameters[phase]:
            parameter.grad = None

    def step(self, phase: str, objective: Tensor, state: StepState, applies: Tensor | None = None) -> Tensor | None:
        """Apply the gradients of one phase; returns their norm before clipping, or ``None`` if it was not computed.

        The norm is computed in an epoch's first step and every few steps after it, and in every step if clipping or a
        deferred guard needs it.

        Parameters
        ----------
        phase, objective, state
            The phase, the objective of its gradients, and the step.
        applies
            Scalar, whether to apply the gradients; ``None`` means yes. Only a deferred guard reads it: elsewhere a
            skipped phase has no gradients.

        Raises
        ------
        NonFiniteStepError
            Before anything is changed, when the objective or a gradient is not finite.
        """
        parameters = self._parameters[phase]
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = None
        if self.deferred or self._config.gradient_clip or self._is_norm_due(state):
            norm = nn.utils.get_total_norm(gradients) if gradients else torch.zeros_like(objective)
            if self._config.gradient_clip:
                nn.utils.clip_grads_with_norm_(parameters, self._config.gradient_clip, norm)
        if self.deferred and norm is not None:
            # In place, so that a recorded step finds it again. x - x != 0 iff x is inf or NaN: half as many kernels as
            # isfinite, and each costs a GPU as much as adding thousands of numbers.
            total = objective.detach() + norm
            torch.maximum(self._non_finite, total - total != 0, out=self._non_finite)
            skipped = self._non_finite
            if applies is not None:
                skipped = torch.maximum(skipped, (~applies).to(skipped.dtype))
            self._optimizers[phase].found_inf = skipped  # type: ignore[attr-defined]
        elif not math.isfinite(_sum([objective.detach(), *(gradients if norm is None else [norm])])):
            raise NonFiniteStepError(state.step)
        self._apply(phase, gradients)
        return norm

    @staticmethod
    def _is_norm_due(state: StepState) -> bool:
        return state.step % max(1, state.steps_per_epoch) % _STEPS_BETWEEN_NORMS == 0

    def _apply(self, phase: str, gradients: list[Tensor]) -> None:
        """Take the optimizer's step."""
        optimizer, parameters = self._optimizers[phase], self._parameters[phase]
        group = optimizer.param_groups[0]
        is_adam = self._config.optimizer == "adam"
        is_plain = is_adam and group["fused"] and len(optimizer.param_groups) == 1 and not self.deferred
        if phase not in self._moments or len(gradients) < len(parameters) or not is_plain:
            optimizer.step()
            states = [optimizer.state.get(parameter) for parameter in parameters]
            if is_adam and all(states):
                names = ("exp_avg", "exp_avg_sq", "step")
                first, second, steps = ([state[name] for state in states if state] for name in names)
                self._moments[phase] = first, second, steps
            return
        # The function that adam.step() calls in the end; gathering its arguments again takes 2 % of a small step.
        first, second, steps = self._moments[phase]
        with torch.no_grad():
            adam_step(
                parameters,  # type: ignore[arg-type]
                gradients,
                first,
                second,
                [],
                steps,
                fused=True,
                decoupled_weight_decay=group["decoupled_weight_decay"],
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )

    def end_step(self) -> None:
        """Count a step after its last phase."""
        if self.deferred:
            self._steps_applied += self._non_finite == 0

    def start_counting(self, step: int) -> None:
        """Count steps from ``step`` on, so that ``check`` can name the first one that was skipped."""
        self._first_step = step
        self._steps_applied.zero_()

    def check(self) -> None:
        """Wait for the device and see whether it skipped a step.

        Raises
        ------
        NonFiniteStepError
            With the number of the first skipped step.
        """
        if self.deferred and self._non_finite.item():
            raise NonFiniteStepError(self._first_step + int(self._steps_applied.item()))

    def tensors(self) -> list[Tensor]:
        """Every tensor that a step changes, other than the weights."""
        return [*self.state_dict().values(), self._non_finite, self._steps_applied]

    def state_dict(self) -> dict[str, Tensor]:
        """Every tensor of the optimizers, as ``phase.parameter/moment``."""
        return {
            f"{phase}.{self._names[id(parameter)]}/{moment}": value
            for phase, optimizer in self._optimizers.items()
            for parameter, moments in optimizer.state.items()
            for moment, value in moments.items()
            if isinstance(value, Tensor)
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from an earlier ``state_dict``.

        Raises
        ------
        ValueError
            Naming a tensor that belongs to no parameter, or has another shape than its parameter: the fused
            optimizers would write beyond its end.
        """
        self._check(state)
        self._moments.clear()
        for phase, optimizer in self._optimizers.items():
            for parameter in self._parameters[phase]:
                prefix = f"{phase}.{self._names[id(parameter)]}/"
                moments = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
                if moments:
                    optimizer.state[parameter] = {name: _placed(value, parameter) for name, value in moments.items()}

    def _check(self, state: dict[str, Tensor]) -> None:
        shapes = {
            f"{phase}.{self._names[id(parameter)]}": parameter.shape
            for phase, parameters in self._parameters.items()
            for parameter in parameters
        }
        for key, value in state.items():
            path, _, moment = key.rpartition("/")
            if path not in shapes or moment not in MOMENTS[self._config.optimizer]:
                raise ValueError(f"tensor optimizer.{key} belongs to none of its parameters")
            if value.shape != (() if moment == "step" else shapes[path]):
                raise ValueError(f"tensor optimizer.{key} is {list(value.shape)} instead of {list(shapes[path])}")


def _optimizer(groups: list[dict[str, Any]], config: TrainingConfig, device: torch.device) -> torch.optim.Optimizer:
    """The configuration's optimizer of some parameters."""
    decay = config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=config.momentum, weight_decay=decay)
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, weight_decay=decay)
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(groups, weight_decay=decay)
    kind = torch.optim.AdamW if decay > 0 else torch.optim.Adam
    return kind(groups, weight_decay=decay, fused=device.type in _FUSED)


def _groups(parameters: list[nn.Parameter], factors: dict[nn.Parameter, float], rate: float) -> list[dict[str, Any]]:
    """The parameters in groups of equal ``factors`` of the learning rate, each at its own rate."""
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(factors.get(parameter, 1.0), []).append(parameter)
    return [{"params": own, "lr": rate * factor, "factor": factor} for factor, own in groups.items()]


@dataclass
class NonFiniteStepError(Exception):
    """The objective or a gradient of a step was not finite; the step was not applied."""

    step: int


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the device ran out of memory (on the CPU torch has no exception class for it)."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _sum(tensors: list[Tensor]) -> float:
    """The sum of all elements: not finite if one of them is not."""
    if tensors[0].device.type == "cpu":
        return sum(tensor.sum().item() for tensor in tensors)
    return torch.stack([tensor.sum() for tensor in tensors]).sum().item()  # waits for the device once


def _placed(value: Tensor, parameter: nn.Parameter) -> Tensor:
    """A moment on its parameter's device in the parameter's memory layout; or the step count on that device."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    return torch.empty_like(parameter, requires_grad=False).copy_(value.to(parameter.device))
