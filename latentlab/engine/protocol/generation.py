"""Messages about images that are generated (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray

GenerationSource = Literal["prior", "aggregate", "flow", "selection", "direction"]


@dataclass(frozen=True)
class Generate(Request):
    """Draw ``count`` latents and decode them, as ``latentlab generate`` does.

    Attributes
    ----------
    source
        ``prior``; ``aggregate`` for a mixture of Gaussians fitted to the encoded dataset, ``flow`` for a normalizing
        flow fitted to it; ``selection`` for a mixture fitted to the ``images``; ``direction`` for draws of the prior,
        each moved along ``vector``.
    temperature
        Factor of the standard deviations drawn with; of a direction, of the greatest step along it.
    images
        Numbers of the selected images in the dataset.
    vector, origin
        Of the direction, [d] each.
    steps
        Number of images of each draw that is moved along the direction.
    """

    slot: ClassVar[str | None] = "generate"
    generation: int
    source: GenerationSource
    count: int
    temperature: float = 1.0
    seed: int = 0
    images: IntArray | None = None
    vector: FloatArray | None = None
    origin: FloatArray | None = None
    steps: int = 1


@dataclass(frozen=True)
class GenerationProgress(Result):
    """What the worker does before there are images."""

    slot: ClassVar[str | None] = "generation-progress"
    generation: int
    message: str


@dataclass(frozen=True)
class Generated(Result):
    """The images of a request, [n, H, W] or [n, H, W, 3], with their latents [n, d] and classes [n].

    ``is_from_file`` says whether they were drawn from what the model's file contains: the command line draws the same
    then. A flow that was fitted here is not in the file. ``problem`` is why there are none.
    """

    slot: ClassVar[str | None] = "generate"
    generation: int
    model_version: int
    images: ByteArray | None
    latents: FloatArray | None
    labels: IntArray | None = None
    is_from_file: bool = True
    problem: str = ""
