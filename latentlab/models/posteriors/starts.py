"""Approximations equal to the prior, from which those without an encoder begin."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from latentlab.models.posteriors.base import VariationalPosterior
from latentlab.models.posteriors.cholesky import Cholesky
from latentlab.models.posteriors.delta import Delta
from latentlab.models.posteriors.diagonal import Diagonal


def _cholesky(zeros: Tensor) -> Cholesky:
    size = zeros.shape[1]
    return Cholesky(zeros, zeros, zeros.new_zeros(len(zeros), size * (size - 1) // 2))


STARTS: dict[str, Callable[[Tensor], VariationalPosterior]] = {
    "diagonal": lambda zeros: Diagonal(zeros, zeros),
    "cholesky": _cholesky,
    "delta": Delta,
}


def standard_start(kind: str, like: Tensor, latent_dim: int) -> VariationalPosterior:
    """N(0, I), or the point 0, for each of ``len(like)`` images."""
    return STARTS[kind](like.new_zeros(len(like), latent_dim))
