"""Compares a replayed step with the eager one: the same terms, the same updates, and new noise in each replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from latentlab.models.seeded_noise import fixed_noise
from latentlab.training.step.optimizer_step import OptimizerStep, Terms

# Allowed differences, where only the order of additions differs: of each term, and of all updates together (relative).
_TERM_TOLERANCE = 1e-3
_UPDATE_TOLERANCE = 0.05
# Terms of two steps that drew the same noise (or none) differ by less.
_ROUNDING = 1e-5


def replay_error(
    optimizer_step: OptimizerStep, device: torch.device, step: Callable[[], Terms], replay: Callable[[], Terms]
) -> str:
    """How replays differ from eager steps, in a few words; empty when they do not. Weights and optimizers are restored.

    Parameters
    ----------
    optimizer_step
        Holds the weights and optimizers that the steps change.
    device
        The steps' noise is drawn on it.
    step, replay
        Take one step.
    """
    weights, optimizers = optimizer_step.weights(), optimizer_step.optimizers.tensors()
    before = _copies(weights), _copies(optimizers)

    def two_steps(take: Callable[[], Terms]) -> list[_Outcome]:
        """Take two steps from the same weights, with different noise."""
        outcomes = []
        with fixed_noise(device, 0):
            for _ in range(2):
                _restore(weights, before[0])
                _restore(optimizers, before[1])
                terms = torch.stack([term.detach().to(torch.float64) for term in take().values()])
                outcomes.append(_Outcome(terms, _copies(weights), _copies(optimizers)))
        return outcomes

    try:
        return _compare(two_steps(step), two_steps(replay), *before)
    finally:
        _restore(weights, before[0])
        _restore(optimizers, before[1])


class _Outcome(NamedTuple):
    """The terms of a step, and the weights and optimizer tensors after it."""

    terms: Tensor
    weights: list[Tensor]
    optimizers: list[Tensor]


def _compare(eager: list[_Outcome], replayed: list[_Outcome], weights: list[Tensor], optimizers: list[Tensor]) -> str:
    """The first difference; ``weights`` and ``optimizers`` are those before the steps."""
    for theirs, ours in zip(eager, replayed, strict=True):
        if not torch.allclose(ours.terms, theirs.terms, rtol=_TERM_TOLERANCE, atol=_TERM_TOLERANCE):
            return "a replayed step has other losses"
        for mine, its, start in (
            (ours.weights, theirs.weights, weights),
            (ours.optimizers, theirs.optimizers, optimizers),
        ):
            if not _distance(mine, its) <= _UPDATE_TOLERANCE * _distance(its, start):
                return "a replayed step makes other changes"
    if _have_equal_terms(*replayed) and not _have_equal_terms(*eager):
        return "replayed steps draw the same noise"
    return ""


def _have_equal_terms(one: _Outcome, other: _Outcome) -> bool:
    return torch.allclose(one.terms, other.terms, rtol=_ROUNDING, atol=_ROUNDING)


def _distance(tensors: list[Tensor], others: list[Tensor]) -> float:
    """Euclidean distance over all elements."""
    squares = [
        (tensor.to(torch.float64) - other.to(torch.float64)).square().sum()
        for tensor, other in zip(tensors, others, strict=True)
    ]
    return float(torch.stack(squares).sum().sqrt())


def _copies(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def _restore(tensors: list[Tensor], values: list[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
