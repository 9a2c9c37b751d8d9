"""Requests of the window to the worker (see :mod:`latentlab.engine.protocol.messages`; no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from latentlab.config import DataConfig, RunConfig
from latentlab.utils.array_types import FloatArray, IntArray


@dataclass(frozen=True)
class Request:
    """A request to the worker. ``slot``: of the waiting requests of a slot only the newest is kept."""

    slot: ClassVar[str | None] = None


@dataclass(frozen=True)
class Decode(Request):
    """Decode one latent for the large image; ``preview`` when it is hovered over, not committed."""

    slot: ClassVar[str | None] = "decode"
    generation: int
    z: FloatArray  # [d]
    label: int | None = None
    preview: bool = False


@dataclass(frozen=True)
class Axes:
    """The plane the map shows: ``z(u, v) = origin + u · x + v · y``.

    For two dimensions of the latent space ``x`` and ``y`` are unit vectors and ``origin`` is the current latent with
    those two set to 0; for principal components they are the components.
    """

    origin: FloatArray  # [d]
    x: FloatArray  # [d]
    y: FloatArray  # [d]

    def lift(self, uv: FloatArray) -> FloatArray:
        """Latents [N, d] of map points [N, 2]."""
        z: FloatArray = self.origin + uv[:, :1] * self.x + uv[:, 1:] * self.y
        return z.astype(np.float32)

    def project(self, z: FloatArray) -> FloatArray:
        """Map points [N, 2] of latents [N, d], by orthogonal projection."""
        return np.asarray((z - self.origin) @ np.array((self.x, self.y)).T, np.float32)


@dataclass(frozen=True)
class LayoutSurface:
    """A layout of the points as a surface: each of its places has the mean latent of the points around.

    ``generation`` is that of the :class:`Embed` that made the layout.
    A request for a layout that another one has replaced gets no answer.
    """

    generation: int


Surface = Axes | LayoutSurface


@dataclass(frozen=True)
class DecodeGrid(Request):
    """Decode the visible manifold: ``columns × rows`` cells over the given ranges of the axes.

    Tiles have at most ``tile_pixels`` on a side and come coarse first, then finer, from the centre outwards.
    """

    slot: ClassVar[str | None] = "grid"
    generation: int
    axes: Surface
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    rows: int
    tile_pixels: int
    label: int | None = None


@dataclass(frozen=True)
class Traverse(Request):
    """Sweep each of ``dimensions`` over ``values`` with the others held at ``z``: one row for each dimension."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    z: FloatArray  # [d]
    dimensions: tuple[int, ...]
    values: FloatArray  # [steps]
    label: int | None = None


@dataclass(frozen=True)
class Interpolate(Request):
    """Decode a path through ``waypoints`` [n, d] at ``steps`` evenly spaced positions (linear or spherical)."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    waypoints: FloatArray
    steps: int
    spherical: bool = False
    label: int | None = None


@dataclass(frozen=True)
class Reconstruct(Request):
    """``count`` images of the open dataset, chosen by ``seed``, above their reconstructions."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    count: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Sample(Request):
    """Decode ``count`` samples of the prior."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    count: int = 12
    seed: int = 0


@dataclass(frozen=True)
class DecodeRows(Request):
    """Decode given latents as rows of the filmstrip, where one dimension cannot be swept (codes, categories)."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    latents: FloatArray  # [rows, columns, d]
    row_names: tuple[str, ...]
    label: int | None = None


@dataclass(frozen=True)
class DrawLatent(Request):
    """Draw one latent from the model's prior, determined by ``seed``."""

    slot: ClassVar[str | None] = "draw"
    generation: int
    seed: int


@dataclass(frozen=True)
class ReadCodebooks(Request):
    """Return the current codebooks of a vector-quantised model."""

    slot: ClassVar[str | None] = "codebooks"
    generation: int


@dataclass(frozen=True)
class DrawThumbnail(Request):
    """Draw a small picture of something kept on the Board, known by ``key``.

    It shows ``latents`` decoded side by side, or the mean of ``images`` of the dataset with this fingerprint; without
    that dataset what their mean latent decodes to.
    """

    key: str
    latents: FloatArray | None = None  # [n, d]
    images: IntArray | None = None  # numbers of images in the dataset, [n]
    fingerprint: str = ""
    label: int | None = None


@dataclass(frozen=True)
class ReadSnapshot(Request):
    """Read the snapshot of one epoch from the run folder ``run``."""

    slot: ClassVar[str | None] = "snapshot"
    generation: int
    run: str
    epoch: int


@dataclass(frozen=True)
class ReadEpochs(Request):
    """Read the first ``rows`` images of a run's snapshots, of at most ``columns`` evenly chosen epochs."""

    slot: ClassVar[str | None] = "epochs"
    generation: int
    run: str
    kind: Literal["reconstruct", "sample"]
    columns: int = 30
    rows: int = 6


@dataclass(frozen=True)
class CompareRuns(Request):
    """Send the curves of these run folders, and what they gain while they are trained; of no others from now on."""

    slot: ClassVar[str | None] = "compare"
    runs: tuple[str, ...]


@dataclass(frozen=True)
class OpenModel(Request):
    """Open a model file, run folder or ``bundled:NAME``; the current model stays if this fails.

    ``is_new_model`` is false when a restarted worker opens again what the window already shows.
    """

    source: str
    is_new_model: bool = True


@dataclass(frozen=True)
class SaveModel(Request):
    """Write the current model, with its points and preview, to ``path``."""

    path: str


@dataclass(frozen=True)
class OpenDataset(Request):
    """Open a dataset; the current one stays if this fails or is cancelled."""

    source: str
    config: DataConfig = field(default_factory=DataConfig)


@dataclass(frozen=True)
class PreviewDataset(Request):
    """Read some images of the open dataset ``source`` with other settings; the open dataset is not changed."""

    slot: ClassVar[str | None] = "dataset-preview"
    source: str
    config: DataConfig


@dataclass(frozen=True)
class EncodeDataset(Request):
    """Encode the open dataset with the current model: the map's points."""


@dataclass(frozen=True)
class EncodeImage(Request):
    """Encode one image file that was dropped on the window, of class ``label`` if the model is conditional."""

    path: str
    label: int | None = None


@dataclass(frozen=True)
class Train(Request):
    """Train on the open dataset into run folder ``out``; ``resume``: from its last checkpoint."""

    config: RunConfig
    out: str
    resume: bool = False


@dataclass(frozen=True)
class PauseTraining(Request):
    """Write a checkpoint and pause the run; a paused run is checkpointed again.

    ``TrainingState("paused")`` follows in any case, preceded by ``Failed("Checkpoint")`` if the disk is full.
    """


@dataclass(frozen=True)
class UnpauseTraining(Request):
    """End the pause of a run."""


@dataclass(frozen=True)
class StopTraining(Request):
    """End the run after its current step; its checkpoint and best model are written."""


@dataclass(frozen=True)
class AdjustTraining(Request):
    """Change settings of the active run: those that are not ``None``."""

    beta: float | None = None
    learning_rate: float | None = None
    schedule: Literal["constant", "cosine"] | None = None
    epochs: int | None = None
    patience: int | None = None


@dataclass(frozen=True)
class CancelLoading(Request):
    """Cancel opening or encoding a dataset."""


@dataclass(frozen=True)
class Shutdown(Request):
    """Checkpoint an active run, then end the worker."""


@dataclass(frozen=True)
class Ping(Request):
    """Answer with ``Pong``, after the requests before it: sent by the client when it has heard nothing for a while."""


@dataclass(frozen=True)
class RestartWorker(Request):
    """End the worker, even one that does not answer, and start another; carried out by the client.

    An active run goes back to its last checkpoint.
    """
