"""Messages about pictures at the points of the map (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import ByteArray, IntArray


@dataclass(frozen=True)
class PicturesOfPoints(Request):
    """Send pictures of these encoded images, in this order: ``real`` ones of the open dataset, or ``decoded`` ones.

    They have at most ``pixels`` on a side.
    """

    slot: ClassVar[str | None] = "pictures"
    generation: int
    rows: IntArray  # [k], of the points
    kind: Literal["real", "decoded"]
    pixels: int


@dataclass(frozen=True)
class PointPictures(Result):
    """Some of the pictures that were requested; ``points_version`` is the model version that encoded the points.

    Rows without a picture are left out. ``seconds`` is the computing time since the request.
    """

    generation: int
    model_version: int
    points_version: int
    kind: str
    rows: IntArray  # [k], of the points
    pictures: ByteArray  # [k, h, w] or [k, h, w, 3]
    done: bool
    seconds: float = 0.0
