"""Messages about quantities at every place of the map's plane (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from latentlab.engine.protocol.requests import Request, Surface
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import FloatArray, IntArray

FieldKind = Literal["round_trip", "magnification", "uncertainty", "classes", "assignment"]


@dataclass(frozen=True)
class MeasureFields(Request):
    """Compute quantities at ``columns × rows`` cells over the given ranges of the axes, coarse first, then finer.

    Attributes
    ----------
    kinds
        ``round_trip``: ‖z − E(D(z))‖, E the posterior's mean. ``magnification``: √det JᵀJ of the decoder along the
        plane's axes. ``uncertainty``: the standard deviation of each pixel under p(x|z), summed. ``classes``: the class
        of most of the nearest encoded images. ``assignment``: how far the latents of the points around a place of a
        terrain are from the one that is decoded there. On a terrain there is no ``magnification``.
    """

    slot: ClassVar[str | None] = "fields"
    generation: int
    kinds: tuple[FieldKind, ...]
    axes: Surface
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    rows: int
    label: int | None = None


@dataclass(frozen=True)
class FieldsMeasured(Result):
    """Some cells of a :class:`MeasureFields`.

    Attributes
    ----------
    cells
        [n, 2]: column and row of the lower left cell of each block of ``span × span``; column 0 is leftmost, row 0
        lowest.
    values
        Of each kind, float32 [n], at the centre of a cell in the block's middle. ``classes``: the number of the class.
    share
        Of the nearest images, those of the class, float32 [n]; ``None`` unless ``classes`` was asked for.
    done, seconds, epoch
        Whether these are the last, the computing time since the request, and the epoch of the weights.
    """

    generation: int
    model_version: int
    cells: IntArray
    span: int
    values: dict[FieldKind, FloatArray] = field(default_factory=dict)
    share: FloatArray | None = None
    done: bool = False
    seconds: float = 0.0
    epoch: float = 0.0
