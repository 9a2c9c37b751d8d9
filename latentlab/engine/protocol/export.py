"""Messages about files for other programs, and about the map drawn at another size (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from latentlab.engine.protocol.requests import Request, Surface
from latentlab.engine.protocol.results import Result
from latentlab.utils.array_types import ByteArray, FloatArray

Exported = Literal["image", "traversals", "latents", "projector", "history", "curves", "html", "onnx", "card"]


@dataclass(frozen=True)
class ExportFile(Request):
    """Write what ``latentlab export`` and ``latentlab decode`` write, with the same bytes.

    Attributes
    ----------
    path
        The file or folder to write.
    what
        What of the model, or of its run.
    source
        How the model is opened: in the card, in the title of the page, and by the process that writes a package.
    run
        The run folder, for ``history`` and ``curves``.
    z, label
        The latent [d] that is decoded, or held by ``traversals``, and the class.
    dimensions, values
        What traversals sweep: dimensions from 0, and values [n].
    with_images
        Whether the open images are encoded; else those in the model's file are taken.
    of, frames, fps
        Of the film of a run: see ``latentlab.exchange.history_film``.
    scale
        Side of the square that a pixel becomes.
    """

    path: str
    what: Exported
    source: str = ""
    run: str = ""
    z: FloatArray | None = None
    label: int | None = None
    dimensions: tuple[int, ...] = ()
    values: FloatArray | None = None
    with_images: bool = False
    of: str = "manifold"
    frames: int = 0
    fps: int = 10
    scale: int = 1


@dataclass(frozen=True)
class ExportProgress(Result):
    """How far the writing is: ``done`` of ``total`` pieces."""

    slot: ClassVar[str | None] = "export-progress"
    done: int
    total: int


@dataclass(frozen=True)
class FileExported(Result):
    """The file is written; ``sentence`` says what is in it."""

    path: str
    sentence: str


@dataclass(frozen=True)
class CancelExport(Request):
    """Cancel the files that are being written or wait; none is left."""


@dataclass(frozen=True)
class ExportCancelled(Result):
    """The file is not written."""


@dataclass(frozen=True)
class DecodeMap(Request):
    """Decode all cells of a manifold at once, for a picture of the map; answered by one ``MapDecoded``.

    Attributes
    ----------
    surface
        What the map shows.
    x_range, y_range, columns, rows
        Ranges of the axes, and the cells that cover them.
    label
        Class to decode for.
    with_distances
        Whether the distances of the plane to the nearest points are measured over these ranges.
    """

    generation: int
    surface: Surface
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    rows: int
    label: int | None = None
    with_distances: bool = False


@dataclass(frozen=True)
class MapDecoded(Result):
    """The images of all cells, uint8 [rows, columns, H, W] or [rows, columns, H, W, 3], the lowest row first.

    ``sha256`` is that of the model's tensors; empty if they are in no file. ``distances`` are as in ``PlaneMeasured``,
    over ``x_range`` and ``y_range``; ``None`` if they were not asked for, or if no point
    has a neighbour.
    """

    generation: int
    model_version: int
    tiles: ByteArray
    sha256: str = ""
    distances: FloatArray | None = None
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    typical: float = float("inf")
