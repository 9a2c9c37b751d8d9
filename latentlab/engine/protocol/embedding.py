"""Messages about layouts of the encoded images by t-SNE and UMAP (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import FloatArray


@dataclass(frozen=True)
class Embed(Request):
    """Lay the encoded images out in two dimensions by ``tsne`` or ``umap``; an empty method ends a present layout."""

    slot: ClassVar[str | None] = "embedding"
    generation: int
    method: str


@dataclass(frozen=True)
class Embedded(Result):
    """A layout of the encoded images so far; ``points_version`` is the model version that encoded them.

    ``positions``, float32 [N, 2], is ``None`` if only the ``fraction`` that is done is newer. When it is ``done``,
    ``error`` is the median distance of a latent from the one that the layout's terrain has at its place, and ``spread``
    the root mean square distance of all latents from their mean.
    """

    generation: int
    points_version: int
    method: str
    positions: FloatArray | None
    fraction: float
    done: bool
    error: float = 0.0
    spread: float = 0.0
