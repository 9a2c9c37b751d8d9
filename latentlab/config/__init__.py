"""Frozen, validated descriptions of data, model and training (pydantic; no Qt, no torch)."""

from latentlab.config.base import Config, settings_of, validated
from latentlab.config.data import LARGEST_IMAGE, SMALLEST_IMAGE, DataConfig
from latentlab.config.model import ModelConfig
from latentlab.config.parts import (
    AdversaryConfig,
    ArchitectureConfig,
    CodebookConfig,
    CorruptionConfig,
    DivergenceConfig,
    EvolutionConfig,
    HierarchyConfig,
    LatentFlowConfig,
    LikelihoodConfig,
    PosteriorConfig,
    PriorConfig,
    RateConfig,
    SupervisionConfig,
)
from latentlab.config.run import RunConfig, with_settings
from latentlab.config.training import TrainingConfig

__all__ = [
    "LARGEST_IMAGE",
    "SMALLEST_IMAGE",
    "AdversaryConfig",
    "ArchitectureConfig",
    "CodebookConfig",
    "Config",
    "CorruptionConfig",
    "DataConfig",
    "DivergenceConfig",
    "EvolutionConfig",
    "HierarchyConfig",
    "LatentFlowConfig",
    "LikelihoodConfig",
    "ModelConfig",
    "PosteriorConfig",
    "PriorConfig",
    "RateConfig",
    "RunConfig",
    "SupervisionConfig",
    "TrainingConfig",
    "settings_of",
    "validated",
    "with_settings",
]
