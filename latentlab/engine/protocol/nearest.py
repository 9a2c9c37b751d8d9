"""Messages about the encoded images near a latent, and how far it is from them (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latentlab.engine.protocol.requests import Axes, Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray


@dataclass(frozen=True)
class Nearest(Request):
    """Find the ``count`` encoded images nearest to ``z``, with their pixels if the dataset is open.

    ``preview`` as in :class:`Decode`.
    """

    slot: ClassVar[str | None] = "nearest"
    generation: int
    z: FloatArray  # [d]
    count: int = 1
    preview: bool = False


@dataclass(frozen=True)
class NearestFound(Result):
    """The nearest encoded images, nearest first.

    ``typical`` is the 95th percentile of the encoded images' distances to their nearest neighbours, or what
    `TypicalDistance` counts if it is larger: a latent farther than ``FAR`` times that from all of them is where no data
    is.
    """

    slot: ClassVar[str | None] = "nearest"
    generation: int
    model_version: int
    rows: IntArray  # of the points [k]
    distance: FloatArray  # in latent units [k]
    z: FloatArray  # [k, d]
    label: IntArray  # [k], −1: unknown
    numbers: IntArray  # of the images in their dataset [k]
    paths: tuple[str, ...] = ()  # empty while their dataset is not open
    images: ByteArray | None = None  # [k, H, W] or [k, H, W, 3]; ``None`` while their dataset is not open
    typical: float = float("inf")
    preview: bool = False


@dataclass(frozen=True)
class MeasureCopy(Request):
    """Decode ``z`` and compare it pixel by pixel with every image of the dataset that is on the map."""

    slot: ClassVar[str | None] = "copy"
    generation: int
    z: FloatArray  # [d]
    label: int | None = None


@dataclass(frozen=True)
class CopyMeasured(Result):
    """How near a decoded image is to the nearest image of the dataset, pixel by pixel.

    Distances are Euclidean, over all pixels and channels in [0, 1].
    """

    slot: ClassVar[str | None] = "copy"
    generation: int
    model_version: int
    number: int  # of the nearest image in the dataset
    path: str
    distance: float
    typical: float  # the median distance of an image of the dataset to its nearest other one
    around: float  # mean distance to the 50 nearest images


@dataclass(frozen=True)
class DistanceToData(Request):
    """Measure how far ``z`` is from the nearest encoded image in all dimensions; ``preview`` as in :class:`Decode`."""

    slot: ClassVar[str | None] = "distance"
    generation: int
    z: FloatArray  # [d]
    preview: bool = False


@dataclass(frozen=True)
class DistanceMeasured(Result):
    """How far a latent is from the nearest encoded image; ``typical`` as in :class:`NearestFound`."""

    slot: ClassVar[str | None] = "distance"
    generation: int
    model_version: int
    distance: float
    typical: float
    preview: bool


@dataclass(frozen=True)
class MeasurePlane(Request):
    """Measure how far the plane of the map is from the nearest encoded image, over the given ranges of its axes."""

    slot: ClassVar[str | None] = "plane"
    generation: int
    axes: Axes
    x_range: tuple[float, float]
    y_range: tuple[float, float]


@dataclass(frozen=True)
class PlaneMeasured(Result):
    """How far each cell of the map's plane is from the nearest encoded image, in all dimensions: coarse, then finer.

    Very large distances are capped. ``typical`` as in :class:`NearestFound`; infinite for one point. ``seconds`` is the
    computing time since the request.
    """

    generation: int
    model_version: int  # that encoded the points
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    distance: FloatArray  # [rows, columns], the first row lowest
    cell: float
    typical: float
    done: bool
    seconds: float = 0.0
