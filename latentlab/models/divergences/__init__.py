"""Divergences between a batch of latents and the prior, by the name of their kind in the configuration."""

from __future__ import annotations

from latentlab.config import DivergenceConfig
from latentlab.models.divergences.base import Divergence, Latents
from latentlab.models.divergences.closed_form import Energy, Kernel
from latentlab.models.divergences.mmd import MMD
from latentlab.models.divergences.sliced import SlicedWasserstein
from latentlab.models.divergences.total_correlation import TotalCorrelation

DIVERGENCES: dict[str, type[Divergence]] = {
    "mmd": MMD,
    "sliced-wasserstein": SlicedWasserstein,
    "energy": Energy,
    "kernel": Kernel,
    "total-correlation": TotalCorrelation,
}


def build_divergence(config: DivergenceConfig) -> Divergence | None:
    """The divergence of ``config.kind``; ``None`` for ``none``."""
    return None if config.kind == "none" else DIVERGENCES[config.kind](config)


__all__ = ["DIVERGENCES", "Divergence", "Latents", "build_divergence"]
