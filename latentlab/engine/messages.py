"""What window and worker say to each other: frozen, picklable, numpy at most (no Qt, no torch).

Live requests carry a ``slot``: of each slot only the newest is kept, and a result names the request's
``generation`` so that the window can tell newer from older. All other requests are answered in order.
Every result about a model carries its ``model_version``: it grows whenever the weights behind it changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from latentlab.config import DataConfig, RunConfig
from latentlab.config.layout import LatentLayout
from latentlab.events import Event

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
IntArray = NDArray[np.int64]


# --- requests -----------------------------------------------------------------------------------


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
        return np.stack([away @ self.x, away @ self.y], axis=1).astype(np.float32)


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
class ReadHistory(Request):
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

    ``fresh`` is false when it is the model the window already shows, opened again by another worker.
    """

    source: str
    fresh: bool = True


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
    """Hold the run where it is, after writing a checkpoint."""


@dataclass(frozen=True)
class ResumeTraining(Request):
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


# --- results ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """Something the worker tells the window. ``slot``: of waiting results only the newest is kept."""

    slot: ClassVar[str | None] = None


@dataclass(frozen=True)
class WorkerReady(Result):
    """torch is imported; ``devices`` are those that can be chosen."""

    device: str
    devices: tuple[str, ...]
    versions: dict[str, str]
    process_id: int


@dataclass(frozen=True)
class ModelInfo:
    """What the window knows of the live model."""

    name: str
    source: str
    recipe: str
    latent_dim: int
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    conditional: bool
    parameters: int
    beta: float
    metrics: dict[str, float]
    data: dict[str, Any]
    config: dict[str, Any]  # ModelConfig as plain values
    path: str | None
    layout: LatentLayout | None = None  # None: plain


@dataclass(frozen=True)
class ModelChanged(Result):
    """There is another live model (``fresh``), or the live one learned; older versions are stale."""

    model_version: int
    info: ModelInfo
    fresh: bool
    training: bool = False
    epoch: float = 0.0


@dataclass(frozen=True)
class PointsChanged(Result):
    """The encoded dataset: posterior mean and standard deviation [N, d], label [N] (−1 unknown).

    ``kl`` [d] is each dimension's mean KL in nats, ``None`` for a posterior without a density (a plain
    autoencoder's); ``epoch`` says how fresh it is.
    """

    slot: ClassVar[str | None] = "points"
    model_version: int
    mean: FloatArray
    std: FloatArray
    label: IntArray
    classes: tuple[str, ...]
    kl: FloatArray | None
    epoch: float = 0.0
    components: FloatArray | None = None  # principal components [k, d], unit length, strongest first
    preview: ByteArray | None = None  # the manifold's stored picture, until tiles are there
    preview_extent: tuple[float, float, float, float] | None = None  # x_min, x_max, y_min, y_max
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)  # factors and metadata: numbers or text [N] each


@dataclass(frozen=True)
class Decoded(Result):
    """One decoded image [H, W] or [H, W, 3], and the z it stands for."""

    slot: ClassVar[str | None] = "decode"
    generation: int
    model_version: int
    z: FloatArray
    image: ByteArray
    preview: bool


@dataclass(frozen=True)
class GridTiles(Result):
    """Some of the manifold's cells: ``cells`` [n, 2] are (column, row), row 0 lowest in z.

    A tile covers ``span × span`` cells from its own to the right and upwards. ``seconds`` is what it has cost since
    the request; ``epoch`` says how far a model that learns had come.
    """

    generation: int
    model_version: int
    cells: IntArray
    span: int
    tiles: ByteArray  # [n, h, w] or [n, h, w, 3]
    done: bool
    seconds: float = 0.0
    epoch: float = 0.0


@dataclass(frozen=True)
class Strip(Result):
    """Rows of images for the filmstrip: ``images`` [rows, columns, H, W] or [rows, columns, H, W, 3]."""

    slot: ClassVar[str | None] = "strip"
    generation: int
    model_version: int
    kind: str  # "traverse" | "interpolate" | "reconstruct" | "sample"
    images: ByteArray
    row_names: tuple[str, ...]
    latents: FloatArray | None = None  # [rows, columns, d], where a click can go there
    seconds: float = 0.0  # what it has cost
    epoch: float = 0.0  # how far a model that learns had come


@dataclass(frozen=True)
class LatentDrawn(Result):
    """A latent [d] drawn from the prior."""

    generation: int
    model_version: int
    z: FloatArray


@dataclass(frozen=True)
class Codebooks(Result):
    """Entries [K, D] of each level's codebook, the coarse one first."""

    slot: ClassVar[str | None] = "codebooks"
    generation: int
    model_version: int
    entries: tuple[FloatArray, ...]


@dataclass(frozen=True)
class NearestFound(Result):
    """The nearest encoded image; ``image`` is ``None`` while no dataset is open.

    ``typical`` is how far an encoded image is from its own nearest neighbour at most, but for one in twenty: a
    latent much farther than that from all of them stands where no data is.
    """

    slot: ClassVar[str | None] = "nearest"
    generation: int
    model_version: int
    index: int
    distance: float
    z: FloatArray
    label: int
    path: str
    image: ByteArray | None
    typical: float = float("inf")


@dataclass(frozen=True)
class DatasetProgress(Result):
    """How far the opening is; ``total`` 0 while unknown."""

    slot: ClassVar[str | None] = "dataset-progress"
    message: str
    done: int
    total: int


@dataclass(frozen=True)
class DatasetInfo:
    """What the window knows of the open dataset."""

    name: str
    source: str
    images: int
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    training_images: int
    validation_images: int
    skipped: tuple[tuple[str, str], ...]  # path, reason (the first thousand)
    skipped_count: int
    config: DataConfig
    bytes_in_memory: int
    unlabelled: int = 0
    formats: tuple[tuple[str, int], ...] = ()  # of the files, each with its number of images, most frequent first
    modes: tuple[tuple[str, int], ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    columns: tuple[str, ...] = ()  # names of known factors and further columns
    others_count: int = 0  # of the skipped: files that are no images by their names
    more_sizes: int = 0  # that are not named
    fingerprint: str = ""


@dataclass(frozen=True)
class DatasetPreview(Result):
    """Some images of ``source`` as ``config`` makes them: the first of an opening, or asked for beforehand."""

    slot: ClassVar[str | None] = "dataset-preview"
    source: str
    config: DataConfig
    image_shape: tuple[int, int, int]
    contact_sheet: ByteArray


@dataclass(frozen=True)
class DatasetOpened(Result):
    """A dataset is open; ``contact_sheet`` shows some of its images as the model will see them."""

    info: DatasetInfo
    contact_sheet: ByteArray


@dataclass(frozen=True)
class DatasetCancelled(Result):
    """The opening was given up; the earlier dataset stays."""


@dataclass(frozen=True)
class TrainingEvent(Result):
    """One event of the running training; a ``Progress`` comes as :class:`TrainingProgress`."""

    event: Event


@dataclass(frozen=True)
class TrainingProgress(TrainingEvent):
    """A ``Progress`` of the running training, which may be dropped for a newer one."""

    slot: ClassVar[str | None] = "training-progress"


@dataclass(frozen=True)
class RunOpened(Result):
    """The model that was opened is a run's, which may go on.

    Attributes
    ----------
    run
        Its folder.
    config
        Its settings, as long as they made the run to be: a length changed by hand is in them.
    source, fingerprint
        What it was trained on; its data's settings are in ``config``.
    epochs
        Done so far.
    reason
        Why it ended, as of ``events.Finished``; empty where there is no checkpoint to go on from.
    """

    run: str
    config: RunConfig
    source: str
    fingerprint: str
    epochs: int = 0
    reason: str = ""


@dataclass(frozen=True)
class RunFollowed(Result):
    """What the metrics of a run folder hold that was not told yet: ``Epoch`` and ``Adjusted`` events.

    The run is the opened one, or (``compared``) one whose curves are drawn beside it.
    """

    run: str
    events: tuple[Event, ...]
    compared: bool = False


@dataclass(frozen=True)
class RunHistory(Result):
    """The epochs that can be read of the live run's, or the opened run's, history."""

    run: str
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class HistoryRead(Result):
    """One epoch of a run as it was: points as in :class:`PointsChanged`, the manifold's picture, images.

    ``originals`` and ``reconstructions`` are uint8 [k, H, W] or [k, H, W, 3], ``samples`` likewise; ``picture`` is of
    the first two dimensions' plane through 0.
    """

    slot: ClassVar[str | None] = "history"
    generation: int
    run: str
    epoch: int
    metrics: dict[str, float]
    mean: FloatArray
    label: IntArray
    classes: tuple[str, ...]
    columns: dict[str, NDArray[Any]]
    picture: ByteArray
    extent: tuple[float, float, float, float]  # x_min, x_max, y_min, y_max
    originals: ByteArray
    reconstructions: ByteArray
    samples: ByteArray


@dataclass(frozen=True)
class EpochsRead(Result):
    """Images of a run over its epochs: ``images`` [rows, epochs, H, W] or [rows, epochs, H, W, 3].

    ``originals`` [rows, H, W] or [rows, H, W, 3] are what is reconstructed; ``None`` for samples.
    """

    slot: ClassVar[str | None] = "epochs"
    generation: int
    run: str
    kind: str
    epochs: tuple[int, ...]
    images: ByteArray
    originals: ByteArray | None


@dataclass(frozen=True)
class TrainingState(Result):
    """``running``, ``paused``, ``stopping`` or ``idle``."""

    state: str
    out: str = ""


@dataclass(frozen=True)
class ImageEncoded(Result):
    """A dropped image: its posterior, itself and its reconstruction, and the error in nats."""

    model_version: int
    path: str
    mean: FloatArray  # [d]
    std: FloatArray  # [d]
    image: ByteArray
    reconstruction: ByteArray
    distortion: float
    rate: float
    label: int | None = None  # the class it was encoded as: the one asked for, or what the model takes it for


@dataclass(frozen=True)
class ModelSaved(Result):
    """The live model is on disk."""

    path: str


@dataclass(frozen=True)
class Failed(Result):
    """A request could not be carried out; the engine goes on.

    ``expected`` tells bad input from a fault of the program; ``details`` can be copied into a report.
    """

    request: str
    message: str
    details: str = ""
    expected: bool = True


@dataclass(frozen=True)
class Notice(Result):
    """Something worth a line, such as a device that is absent."""

    message: str
    details: str = ""


@dataclass(frozen=True)
class WorkerLost(Result):
    """Made by the client: the worker ended unasked; another is being started.

    ``run`` names the run folder that was being trained, to offer going on from its last checkpoint.
    """

    exit_code: int | None
    message: str
    run: str = ""
    details: str = field(default="")
