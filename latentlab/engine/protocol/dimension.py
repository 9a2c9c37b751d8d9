"""Messages about what a dimension does (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import ByteArray, FloatArray


@dataclass(frozen=True)
class DescribeDimension(Request):
    """Describe a dimension: its images with the others held at ``z``, where pixels change, and what it goes with."""

    slot: ClassVar[str | None] = "dimension"
    generation: int
    z: FloatArray  # [d]
    dimension: int
    values: FloatArray  # [steps], of the dimension, for the images
    label: int | None = None


@dataclass(frozen=True)
class Correlation:
    """How strongly a dimension goes with a column of the encoded images, or with their class.

    ``value`` is Pearson's r, from −1 to 1 (``is_signed``), or for texts and classes the correlation ratio, 0 to 1; then
    ``high`` and ``low`` are those of the highest and of the lowest mean, each with its mean, outermost first.
    """

    name: str
    value: float
    is_signed: bool
    high: tuple[tuple[str, float], ...] = ()
    low: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class DimensionDescribed(Result):
    """What a dimension does.

    Attributes
    ----------
    images, latents
        Images of the requested values, [n, H, W] or [n, H, W, 3], and their latents [n, d].
    change
        Derivative of the mean image by the dimension at the requested latent, [H, W], per unit of the dimension; of
        several channels the one that changes most.
    mean_change, averaged
        Its absolute value, averaged over so many encoded images; ``None`` without any.
    correlations
        With columns and classes, the strongest first.
    """

    slot: ClassVar[str | None] = "dimension"
    generation: int
    model_version: int
    dimension: int
    images: ByteArray
    latents: FloatArray
    change: FloatArray
    mean_change: FloatArray | None
    averaged: int
    correlations: tuple[Correlation, ...]
