"""Messages about figures of the current model on the open dataset (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result


@dataclass(frozen=True)
class MeasureModel(Request):
    """Measure figures of the current model on the open dataset, by their names in ``config.lessons.MEASURES``.

    They are measured after the openings and encodings that were asked for before.
    """

    generation: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class ModelMeasured(Result):
    """The figures of a :class:`MeasureModel`, by name."""

    generation: int
    model_version: int
    values: dict[str, float]


@dataclass(frozen=True)
class CloseDataset(Request):
    """Close the open dataset; ``DatasetClosed`` follows."""
