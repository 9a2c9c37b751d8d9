"""Messages about directions between groups of encoded images (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import FloatArray, IntArray


@dataclass(frozen=True)
class ImageGroup:
    """Some of the encoded images: those with these numbers in the dataset, or of this class, or all others."""

    images: IntArray | None = None  # [n]
    label: int | None = None
    are_others: bool = False


@dataclass(frozen=True)
class FindDirection(Request):
    """Find a direction of the encoded images' latents, and how well it separates images that were held out.

    From group ``b`` to group ``a``; or along the numbers of ``column``; or along a principal ``component`` [d].
    ``fingerprint`` is that of the dataset which the groups and the column belong to. Of the latents only the part
    that is orthogonal to the vectors ``against`` counts, for groups and columns.
    """

    slot: ClassVar[str | None] = "direction"
    generation: int
    fingerprint: str
    a: ImageGroup | None = None
    b: ImageGroup | None = None
    column: str = ""
    component: FloatArray | None = None
    against: FloatArray | None = None  # [m, d]


@dataclass(frozen=True)
class DirectionFound(Result):
    """A direction of the encoded images' latents.

    ``scores`` are named as the attributes of :class:`latentlab.latent.Direction`; a principal component has
    ``explained``, its share of the variance. ``counts`` are the sizes of the groups that were compared, without the
    ``shared`` images that are in both.
    """

    slot: ClassVar[str | None] = "direction"
    generation: int
    model_version: int
    vector: FloatArray  # [d]
    origin: FloatArray  # [d]
    scores: dict[str, float]
    counts: tuple[int, int]
    shared: int = 0
    epoch: float = 0.0  # of the weights that encoded the images
