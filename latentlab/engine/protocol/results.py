"""What the worker tells the window (see :mod:`latentlab.engine.protocol.messages`; no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import NDArray

from latentlab.config import DataConfig, RunConfig
from latentlab.config.events import Event
from latentlab.config.info import DatasetInfo, ModelInfo
from latentlab.utils.array_types import ByteArray, FloatArray, IntArray


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
class ModelChanged(Result):
    """There is another live model (``is_new_model``), or the live one learned; older versions are stale."""

    model_version: int
    info: ModelInfo
    is_new_model: bool
    training: bool = False
    epoch: float = 0.0


@dataclass(frozen=True)
class PointsChanged(Result):
    """The encoded dataset: posterior mean and standard deviation [N, d], label [N] (−1 unknown).

    ``kl`` [d] is each dimension's mean KL in nats, ``None`` for a posterior without a density (a plain
    autoencoder's); ``epoch`` says which weights they are of.
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
    fingerprint: str = ""  # of the dataset that was encoded; empty where the model file does not say


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
class DistanceMeasured(Result):
    """How far a latent is from the nearest encoded image; ``typical`` as in :class:`NearestFound`."""

    slot: ClassVar[str | None] = "distance"
    generation: int
    model_version: int
    distance: float
    typical: float
    preview: bool


@dataclass(frozen=True)
class DatasetProgress(Result):
    """How far the opening is; ``total`` 0 while unknown."""

    slot: ClassVar[str | None] = "dataset-progress"
    message: str
    done: int
    total: int


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
        Why it ended, as of ``events.Finished``; empty where there is no checkpoint to go on from, and while it is
        trained elsewhere: once it no longer is, it is told of again.
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
    is_trained_elsewhere: bool = False


@dataclass(frozen=True)
class RunSnapshots(Result):
    """The epochs that can be read of the live run's, or the opened run's, history."""

    run: str
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class SnapshotRead(Result):
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
    """An image file, encoded: its posterior, the prepared original, its reconstruction, and its error in nats.

    ``image`` is what the encoder was given, resized and in the model's channels, as pixels: uint8 [H, W] or [H, W, 3].
    ``reconstruction`` is decoded at the posterior's mean.
    """

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

    ``request`` is its name, or ``Checkpoint`` where a live run's could not be written because the disk is full: the run
    is paused then (``TrainingState`` follows), whether it was learning, asked to pause or asked to stop. After
    ``Shutdown`` the worker ends nevertheless, but says so first, and what the run learned since its last checkpoint is
    lost; who can wait asks by ``PauseTraining`` before, which checkpoints without ending.
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
