"""One optimizer for each of a model's phases, and the guard that keeps a bad step from being applied."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.adam import adam as take_adam_step

from latentlab.config import TrainingConfig
from latentlab.models.base import LatentModel, StepState

_FUSED = ("cpu", "cuda", "mps")
_STEPS_BETWEEN_NORMS = 8
"""Where the norm is not needed: on the CPU it takes 4 % of a small step (measured: 784-500-20, batch 128), the sums
that the guard looks at 1.7 %."""


class Optimizers:
    """Adam (or AdamW), one a phase, with clipping, a schedule and a guard.

    The guard: when the objective or a gradient is not finite, the weights must stay as they are. Where asking the
    device would make it wait (CUDA), the step is skipped there (the ``found_inf`` of the fused optimizers), all
    later ones with it, and ``check`` tells at the next read-out; elsewhere it is told before the step. Either way every
    number of every gradient is looked at in every step, through their norm or their sums.

    Parameters
    ----------
    model
        Whose phases and parameters.
    config
        Learning rate, decay, clipping, schedule.
    deferred
        Whether the guard tells later; by default where the device runs ahead.

    Attributes
    ----------
    learning_rate, schedule
        The configuration's, until they are changed while the run goes on.
    deferred
        Whether the guard tells later.
    """

    def __init__(self, model: LatentModel, config: TrainingConfig, deferred: bool | None = None) -> None:
        self._config = config
        self._parameters = {phase: list(model.phase_parameters(phase)) for phase in model.phases}
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}
        device = next(model.parameters()).device
        kind = torch.optim.AdamW if config.weight_decay > 0 else torch.optim.Adam
        self._moments: dict[str, tuple[list[Tensor], list[Tensor], list[Tensor]]] = {}
        self._adam = {
            phase: kind(
                parameters,
                lr=config.learning_rate,
                weight_decay=config.weight_decay,
                fused=device.type in _FUSED and all(p.is_floating_point() for p in parameters),
            )
            for phase, parameters in self._parameters.items()
        }
        self.learning_rate = config.learning_rate
        self.schedule = config.schedule
        self.deferred = device.type == "cuda" if deferred is None else deferred
        self._bad = torch.zeros((), device=device)
        self._good_steps = torch.zeros((), device=device, dtype=torch.int64)
        self._checked_from = 0
        self._rate: Tensor | float = config.learning_rate
        if self.deferred:
            self._rate = torch.full((), config.learning_rate, device=device)
            for adam in self._adam.values():
                for group in adam.param_groups:
                    # The rate where a recorded step reads it, and leave to record; torch would warn of a step that
                    # is not recorded, which some are.
                    group["lr"], group["capturable"] = self._rate, device.type == "cuda"
                adam._warned_capturable_if_run_uncaptured = True
        self._set_rate = config.learning_rate

    def scheduled(self, share: float) -> float:
        """The learning rate when ``share`` of the run (0 to 1) is done."""
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
        return self.learning_rate

    def clear(self, phase: str) -> None:
        """Forget the gradients of a phase."""
        # Adam.zero_grad does the same, and takes longer over its profiler hooks than over this.
        for parameter in self._parameters[phase]:
            parameter.grad = None

    def set_rate(self, learning_rate: float) -> None:
        """Take the next steps with this learning rate."""
        if learning_rate == self._set_rate:
            return
        self._set_rate = learning_rate
        if isinstance(self._rate, Tensor):
            self._rate.fill_(learning_rate)
        else:
            for adam in self._adam.values():
                for group in adam.param_groups:
                    group["lr"] = learning_rate

    def step(self, phase: str, objective: Tensor, state: StepState, applies: Tensor | None = None) -> Tensor | None:
        """Apply the gradients of one phase; their norm before clipping, where it is measured.

        It is in an epoch's first step and some others, which follow from the step's number; always where it is needed
        for clipping, or where the guard is deferred.

        Parameters
        ----------
        phase, objective, state
            Whose, with the objective they are of, and where the run is.
        applies
            Scalar, whether to apply them at all; ``None`` for yes. Looked at only where the guard is deferred:
            elsewhere a phase that rests has no gradients.

        Raises
        ------
        NonFiniteStepError
            Before anything is changed, when the objective or a gradient is not finite.
        """
        parameters = self._parameters[phase]
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = None
        if self.deferred or self._config.gradient_clip or self._is_measured(state):
            norm = nn.utils.get_total_norm(gradients) if gradients else torch.zeros_like(objective)
            if self._config.gradient_clip:
                nn.utils.clip_grads_with_norm_(parameters, self._config.gradient_clip, norm)
        if self.deferred and norm is not None:
            # In place, where a recorded step finds it again. What is not finite is not 0 when taken from itself: half
            # as many operations as asking, each of which costs a GPU as much as adding up thousands of numbers.
            total = objective.detach() + norm
            torch.maximum(self._bad, total - total != 0, out=self._bad)
            rests = self._bad if applies is None else torch.maximum(self._bad, (~applies).to(self._bad.dtype))
            self._adam[phase].found_inf = rests  # type: ignore[attr-defined]
        elif not math.isfinite(_sum([objective.detach(), *(gradients if norm is None else [norm])])):
            raise NonFiniteStepError(state.step)
        self._apply(phase, gradients)
        return norm

    @staticmethod
    def _is_measured(state: StepState) -> bool:
        return state.step % max(1, state.steps_per_epoch) % _STEPS_BETWEEN_NORMS == 0

    def _apply(self, phase: str, gradients: list[Tensor]) -> None:
        """Let Adam take its step."""
        adam, parameters = self._adam[phase], self._parameters[phase]
        group = adam.param_groups[0]
        if phase not in self._moments or self.deferred or len(gradients) < len(parameters) or not group["fused"]:
            adam.step()
            states = [adam.state.get(parameter) for parameter in parameters]
            if all(states):
                names = ("exp_avg", "exp_avg_sq", "step")
                first, second, steps = ([state[name] for state in states if state] for name in names)
                self._moments[phase] = first, second, steps
            return
        # The function that adam.step() comes to in the end; to gather all anew takes it 2 % of a small step.
        first, second, steps = self._moments[phase]
        with torch.no_grad():
            take_adam_step(
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

    def count(self) -> None:
        """Say that all phases of a step are done."""
        if self.deferred:
            self._good_steps += self._bad == 0

    def start(self, step: int) -> None:
        """Say at which step the counting begins."""
        self._checked_from = step
        self._good_steps.zero_()

    def check(self) -> None:
        """Wait for the device and see whether a step was skipped.

        Raises
        ------
        NonFiniteStepError
            Naming the first such step.
        """
        if self.deferred and self._bad.item():
            raise NonFiniteStepError(self._checked_from + int(self._good_steps.item()))

    def tensors(self) -> list[Tensor]:
        """Every tensor that a step changes beside the weights."""
        return [*self.state().values(), self._bad, self._good_steps]

    def state(self) -> dict[str, Tensor]:
        """Every tensor of the optimizers, as ``phase.parameter/moment``."""
        return {
            f"{phase}.{self._names[id(parameter)]}/{moment}": value
            for phase, adam in self._adam.items()
            for parameter, moments in adam.state.items()
            for moment, value in moments.items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from an earlier ``state``."""
        self._moments.clear()
        for phase, adam in self._adam.items():
            for parameter in self._parameters[phase]:
                prefix = f"{phase}.{self._names[id(parameter)]}/"
                moments = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
                if moments:
                    adam.state[parameter] = {name: _like(value, parameter) for name, value in moments.items()}


@dataclass
class NonFiniteStepError(Exception):
    """The objective or a gradient of a step was not finite; the step was not applied."""

    step: int


def _sum(tensors: list[Tensor]) -> float:
    """The sum of all their numbers: not finite when one of them is not."""
    if tensors[0].device.type == "cpu":
        return sum(tensor.sum().item() for tensor in tensors)
    return torch.stack([tensor.sum() for tensor in tensors]).sum().item()  # asks the device once


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch means that the device has no memory left (on the CPU it has no class of its own)."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _like(value: Tensor, parameter: nn.Parameter) -> Tensor:
    """A moment on its parameter's device and laid out as it, or the count of steps."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    placed = torch.empty_like(parameter, requires_grad=False)
    return placed.copy_(value.to(parameter.device))
