"""Frozen, validated descriptions of data, model and training (pydantic; no Qt, no torch)."""

from latentlab.config.base import Config
from latentlab.config.data import LARGEST_IMAGE, SMALLEST_IMAGE, DataConfig
from latentlab.config.model import (
    ArchitectureConfig,
    LikelihoodConfig,
    ModelConfig,
    PosteriorConfig,
    PriorConfig,
)
from latentlab.config.run import RunConfig, settings_of, validated, with_settings
from latentlab.config.training import TrainingConfig

__all__ = [
    "LARGEST_IMAGE",
    "SMALLEST_IMAGE",
    "ArchitectureConfig",
    "Config",
    "DataConfig",
    "LikelihoodConfig",
    "ModelConfig",
    "PosteriorConfig",
    "PriorConfig",
    "RunConfig",
    "TrainingConfig",
    "settings_of",
    "validated",
    "with_settings",
]
