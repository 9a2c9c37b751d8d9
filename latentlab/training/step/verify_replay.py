"""Whether a replayed step does what the computed one does: its losses, its changes, and noise that is always new."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from latentlab.models.seeded_noise import fixed_noise
from latentlab.training.step.optimizer_step import OptimizerStep, Terms

# How far a replayed step may be from a computed one, where only the order of additions differs: of each term, and of
# all changes together.
_TERM_TOLERANCE = 1e-3
_CHANGE_TOLERANCE = 0.05
# By how much less than this the terms of two steps differ that drew the same noise, or none.
_ROUNDING = 1e-5


def difference(
    stepper: OptimizerStep, device: torch.device, step: Callable[[], Terms], replay: Callable[[], Terms]
) -> str:
    """In what replayed steps are not the computed ones, in a few words; empty when they are. Nothing is left changed.

    Parameters
    ----------
    stepper
        Whose weights and optimizers the steps change.
    device
        Where they draw their noise.
    step, replay
        Take one step.
    """
    weights, rest = stepper.weights(), stepper.optimisers.tensors()
    before = _copies(weights), _copies(rest)

    def two_steps(take: Callable[[], Terms]) -> list[_Outcome]:
        """From the same weights, with different noise."""
        outcomes = []
        with fixed_noise(device, 0):
            for _ in range(2):
                _put(weights, before[0])
                _put(rest, before[1])
                terms = torch.stack([term.detach().to(torch.float64) for term in take().values()])
                outcomes.append(_Outcome(terms, _copies(weights), _copies(rest)))
        return outcomes

    try:
        return _told(two_steps(step), two_steps(replay), *before)
    finally:
        _put(weights, before[0])
        _put(rest, before[1])


class _Outcome(NamedTuple):
    """What a step told, and the weights and the optimizers' tensors after it."""

    terms: Tensor
    weights: list[Tensor]
    rest: list[Tensor]


def _told(computed: list[_Outcome], replayed: list[_Outcome], weights: list[Tensor], rest: list[Tensor]) -> str:
    """What the two differ in; ``weights`` and ``rest`` are as they were before."""
    for its, own in zip(computed, replayed, strict=True):
        if not torch.allclose(own.terms, its.terms, rtol=_TERM_TOLERANCE, atol=_TERM_TOLERANCE):
            return "a replayed step has other losses"
        for mine, theirs, start in ((own.weights, its.weights, weights), (own.rest, its.rest, rest)):
            if not _distance(mine, theirs) <= _CHANGE_TOLERANCE * _distance(theirs, start):
                return "a replayed step makes other changes"
    if _alike(*replayed) and not _alike(*computed):
        return "replayed steps draw the same noise"
    return ""


def _alike(one: _Outcome, other: _Outcome) -> bool:
    return torch.allclose(one.terms, other.terms, rtol=_ROUNDING, atol=_ROUNDING)


def _distance(tensors: list[Tensor], others: list[Tensor]) -> float:
    """Euclidean distance of all numbers together."""
    squares = [
        (tensor.to(torch.float64) - other.to(torch.float64)).square().sum()
        for tensor, other in zip(tensors, others, strict=True)
    ]
    return float(torch.stack(squares).sum().sqrt())


def _copies(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def _put(tensors: list[Tensor], values: list[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
