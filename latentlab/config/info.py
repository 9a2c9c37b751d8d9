"""Descriptions of an open model and an open dataset, as the window shows them (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from latentlab.config.capabilities import ALL, Capabilities
from latentlab.config.data import DataConfig
from latentlab.config.image_statistics import ImageStatistics
from latentlab.config.layout import LatentLayout


@dataclass(frozen=True)
class ModelInfo:
    """The current model."""

    name: str
    source: str
    recipe: str
    latent_dim: int
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    conditional: bool
    parameters: int
    beta: float
    metrics: dict[str, float]
    data: dict[str, Any]
    config: dict[str, Any]  # ModelConfig as plain values
    path: str | None
    layout: LatentLayout | None = None  # None: a plain vector
    training: dict[str, Any] = field(default_factory=dict)  # TrainingConfig as plain values, as far as recorded
    sha256: str = ""  # of the model file's contents; empty while its weights are in no file
    capabilities: Capabilities = ALL

    @property
    def has_encoder(self) -> bool:
        """Whether images can be encoded."""
        return self.capabilities.has_encoder

    @property
    def has_decoder(self) -> bool:
        """Whether latents are decoded; else the nearest image of a table is shown."""
        return self.capabilities.has_decoder

    @property
    def has_likelihood(self) -> bool:
        """Whether log p(x|z) of an image is known."""
        return self.capabilities.has_likelihood

    @property
    def has_prior(self) -> bool:
        """Whether latents can be drawn from the prior."""
        return self.capabilities.has_prior

    def has_weights_of(self, other: ModelInfo) -> bool:
        """Whether both are known to have the same weights."""
        return bool(self.sha256) and self.sha256 == other.sha256


@dataclass(frozen=True)
class DatasetInfo:
    """The open dataset."""

    name: str
    source: str
    images: int
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    training_images: int
    validation_images: int
    skipped: tuple[tuple[str, str], ...]  # path and reason of what was left out (the first thousand)
    skipped_count: int
    config: DataConfig
    bytes_in_memory: int
    unlabelled: int = 0
    formats: tuple[tuple[str, int], ...] = ()  # of the files, with the number of images, most frequent first
    modes: tuple[tuple[str, int], ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    columns: tuple[str, ...] = ()  # names of known factors and further columns
    unreadable_count: int = 0  # images and frames that could not be read
    left_out_summary: str = ""  # how much was left out, in one line
    more_sizes: int = 0  # number of sizes that are not listed
    splits: tuple[tuple[str, int], ...] = ()  # the data's own, with their numbers of images
    notes: tuple[str, ...] = ()  # how the source was read, where it could have been read otherwise
    fingerprint: str = ""
    value_range: tuple[float, float] = (0.0, 255.0)  # values shown black and white
    range_sentence: str = ""  # how it was decided
    range_warning: str = ""
    statistics: ImageStatistics | None = None  # of some images, for the suggested settings
