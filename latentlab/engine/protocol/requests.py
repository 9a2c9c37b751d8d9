"""What the window asks of the worker (see :mod:`latentlab.engine.protocol.messages`; no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from latentlab.config import DataConfig, RunConfig
from latentlab.utils.array_types import FloatArray


@dataclass(frozen=True)
class Request:
    """Something the window asks of the worker."""

    slot: ClassVar[str | None] = None


@dataclass(frozen=True)
class Decode(Request):
    """Decode one latent for the large image; ``preview`` tells hovering from committing."""

    slot: ClassVar[str | None] = "decode"
    generation: int
    z: FloatArray  # [d]
    label: int | None = None
    preview: bool = False


@dataclass(frozen=True)
class Axes:
    """The plane the map shows: ``z(u, v) = origin + u · x + v · y``.

    For two plain dimensions ``x`` and ``y`` are unit vectors and ``origin`` is the current latent
    with those two set to 0; for principal components they are the components.
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
        away = z - self.origin
        return np.asarray(away @ np.array((self.x, self.y)).T, np.float32)


@dataclass(frozen=True)
class DecodeGrid(Request):
    """Decode the manifold in view: ``columns × rows`` cells over the given ranges of the axes.

    Tiles come back at most ``tile_pixels`` on a side, coarse first, then finer, centre outwards.
    """

    slot: ClassVar[str | None] = "grid"
    generation: int
    axes: Axes
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    rows: int
    tile_pixels: int
    label: int | None = None


@dataclass(frozen=True)
class Traverse(Request):
    """Sweep each of ``dimensions`` over ``values`` with the others held at ``z``: one strip a dimension."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    z: FloatArray  # [d]
    dimensions: tuple[int, ...]
    values: FloatArray  # [steps]
    label: int | None = None


@dataclass(frozen=True)
class Interpolate(Request):
    """Decode a path through ``waypoints`` [n, d] at ``steps`` even places (linear, or spherical)."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    waypoints: FloatArray
    steps: int
    spherical: bool = False
    label: int | None = None


@dataclass(frozen=True)
class Reconstruct(Request):
    """Some images of the open dataset above their reconstructions (``count`` of them, fixed by ``seed``)."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    count: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Sample(Request):
    """Images of ``count`` latents drawn from the prior."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    count: int = 12
    seed: int = 0


@dataclass(frozen=True)
class DecodeRows(Request):
    """Decode given latents as rows of the filmstrip, where a sweep of single numbers would mean nothing."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    latents: FloatArray  # [rows, columns, d]
    row_names: tuple[str, ...]
    label: int | None = None


@dataclass(frozen=True)
class DrawLatent(Request):
    """Draw one latent from the model's prior; another ``seed``, another latent."""

    slot: ClassVar[str | None] = "draw"
    generation: int
    seed: int


@dataclass(frozen=True)
class ReadCodebooks(Request):
    """The codebooks of a quantised model, as its newest weights have them."""

    slot: ClassVar[str | None] = "codebooks"
    generation: int


@dataclass(frozen=True)
class Nearest(Request):
    """The encoded image nearest to ``z``: its place, its latent, and its pixels where the dataset is open."""

    slot: ClassVar[str | None] = "nearest"
    generation: int
    z: FloatArray


@dataclass(frozen=True)
class DistanceToData(Request):
    """How far ``z`` is from the nearest encoded image, in all dimensions; ``preview``: it is hovered over."""

    slot: ClassVar[str | None] = "distance"
    generation: int
    z: FloatArray  # [d]
    preview: bool = False


@dataclass(frozen=True)
class ReadSnapshot(Request):
    """What the run folder ``run`` has kept of one epoch."""

    slot: ClassVar[str | None] = "history"
    generation: int
    run: str
    epoch: int


@dataclass(frozen=True)
class ReadEpochs(Request):
    """The first ``rows`` images of a run's history at every epoch kept, or at ``columns`` of them evenly chosen."""

    slot: ClassVar[str | None] = "epochs"
    generation: int
    run: str
    kind: Literal["reconstruct", "sample"]
    columns: int = 30
    rows: int = 6


@dataclass(frozen=True)
class CompareRuns(Request):
    """Tell the curves of these run folders, as far as they go and on while they are trained; of no others any more."""

    slot: ClassVar[str | None] = "compare"
    runs: tuple[str, ...]


@dataclass(frozen=True)
class OpenModel(Request):
    """Open a model file, run folder or ``bundled:NAME``; the live model stays when it fails.

    ``is_new_model`` is false when it is the model the window already shows, opened again by another worker.
    """

    source: str
    is_new_model: bool = True


@dataclass(frozen=True)
class SaveModel(Request):
    """Write the live model, with its points and preview, to ``path``."""

    path: str


@dataclass(frozen=True)
class OpenDataset(Request):
    """Open images; an earlier dataset stays when it fails or is cancelled."""

    source: str
    config: DataConfig = field(default_factory=DataConfig)


@dataclass(frozen=True)
class PreviewDataset(Request):
    """Read some images of the open dataset ``source`` anew, as ``config`` says; the open dataset stays as it is."""

    slot: ClassVar[str | None] = "dataset-preview"
    source: str
    config: DataConfig


@dataclass(frozen=True)
class EncodeDataset(Request):
    """Encode the open dataset with the live model: the map's points."""


@dataclass(frozen=True)
class EncodeImage(Request):
    """Encode one image file that was dropped on the window, as one of class ``label`` where the model asks for one."""

    path: str
    label: int | None = None


@dataclass(frozen=True)
class Train(Request):
    """Train on the open dataset into run folder ``out``; ``resume`` goes on from its last checkpoint."""

    config: RunConfig
    out: str
    resume: bool = False


@dataclass(frozen=True)
class PauseTraining(Request):
    """Hold the run where it is, after writing a checkpoint; one that is held is checkpointed again.

    ``TrainingState("paused")`` follows in any case, before it ``Failed("Checkpoint")`` where the disk is full.
    """


@dataclass(frozen=True)
class UnpauseTraining(Request):
    """Go on with a held run."""


@dataclass(frozen=True)
class StopTraining(Request):
    """End the run after its current step, with a checkpoint and the best model saved."""


@dataclass(frozen=True)
class AdjustTraining(Request):
    """Change the objective's weight, the learning rate or its schedule, the epochs or the patience of the live run."""

    beta: float | None = None
    learning_rate: float | None = None
    schedule: Literal["constant", "cosine"] | None = None
    epochs: int | None = None
    patience: int | None = None


@dataclass(frozen=True)
class CancelLoading(Request):
    """Give up the dataset that is being opened or encoded."""


@dataclass(frozen=True)
class Shutdown(Request):
    """Checkpoint a live run, then end the worker."""
