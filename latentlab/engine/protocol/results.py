"""Results of the worker for the window (see :mod:`latentlab.engine.protocol.messages`; no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import NDArray

from latentlab.config import DataConfig, RunConfig
from latentlab.config.events import Event
from latentlab.config.info import DatasetInfo, ModelInfo
from latentlab.engine.protocol.requests import Request
from latentlab.utils.array_types import BoolArray, ByteArray, FloatArray, IntArray


@dataclass(frozen=True)
class Result:
    """A result for the window. ``slot``: of the waiting results of a slot only the newest is kept."""

    slot: ClassVar[str | None] = None


@dataclass(frozen=True)
class WorkerReady(Result):
    """torch is imported; ``devices`` can be chosen."""

    device: str
    devices: tuple[str, ...]
    versions: dict[str, str]
    process_id: int


@dataclass(frozen=True)
class Pong(Result):
    """The answer to ``Ping``."""


@dataclass(frozen=True)
class WorkBegun(Result):
    """The worker begins what may keep it from answering for many seconds, such as importing torch's compiler."""

    request: str


@dataclass(frozen=True)
class FunctionRunning(Result):
    """A function of another process has not answered yet, which the worker waits for; 0 ``seconds``: it has."""

    function: str
    seconds: float


@dataclass(frozen=True)
class ModelChanged(Result):
    """There is another current model (``is_new_model``), or its weights changed; older versions are stale."""

    model_version: int
    info: ModelInfo
    is_new_model: bool
    training: bool = False
    epoch: float = 0.0


@dataclass(frozen=True)
class PointsChanged(Result):
    """The encoded dataset: posterior mean and standard deviation [N, d], label [N] (−1: unknown).

    ``kl`` [d] is each dimension's mean KL in nats, ``None`` for a posterior without a density (a plain autoencoder's);
    ``epoch`` says which weights encoded it.
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
    preview: ByteArray | None = None  # the manifold's stored picture, shown until it is decoded
    preview_extent: tuple[float, float, float, float] | None = None  # x_min, x_max, y_min, y_max
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)  # factors and metadata: numbers or text, [N] each
    fingerprint: str = ""  # of the encoded dataset; empty if the model file does not say
    index: IntArray | None = None  # the image of each point in the dataset [N]; None: image i is point i


@dataclass(frozen=True)
class Decoded(Result):
    """One decoded image, [H, W] or [H, W, 3], and its latent."""

    slot: ClassVar[str | None] = "decode"
    generation: int
    model_version: int
    z: FloatArray
    image: ByteArray
    preview: bool


@dataclass(frozen=True)
class GridTiles(Result):
    """Some of the manifold's cells: ``cells`` [n, 2] are (column, row), row 0 has the lowest z.

    A tile covers ``span × span`` cells, from its own to the right and upwards. ``seconds`` is the computing time since
    the request; ``epoch`` is that of the weights.
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
    latents: FloatArray | None = None  # [rows, columns, d], if a click can select one
    seconds: float = 0.0  # computing time
    epoch: float = 0.0  # of the weights


@dataclass(frozen=True)
class LatentDrawn(Result):
    """A latent [d] drawn from the prior."""

    generation: int
    model_version: int
    z: FloatArray


@dataclass(frozen=True)
class Codebooks(Result):
    """Entries [K, D] of each level's codebook, coarsest first."""

    slot: ClassVar[str | None] = "codebooks"
    generation: int
    model_version: int
    entries: tuple[FloatArray, ...]


@dataclass(frozen=True)
class ThumbnailDrawn(Result):
    """A picture for the Board, [H, W] or [H, W, 3]; ``None`` if what it shows is not of this model and dataset."""

    key: str
    model_version: int
    image: ByteArray | None


@dataclass(frozen=True)
class DatasetProgress(Result):
    """How far the opening has come; ``total`` is 0 while unknown."""

    slot: ClassVar[str | None] = "dataset-progress"
    message: str
    done: int
    total: int


@dataclass(frozen=True)
class DatasetPreview(Result):
    """Some images of ``source`` with the settings ``config``: the first of an opening, or a requested preview."""

    slot: ClassVar[str | None] = "dataset-preview"
    source: str
    config: DataConfig
    image_shape: tuple[int, int, int]
    contact_sheet: ByteArray
    value_range: tuple[float, float] | None = None  # values shown black and white; ``None`` while opening


@dataclass(frozen=True)
class ValueHistogram:
    """How often values occur in a dataset: ``counts`` int64 [bins] of equal width from ``low`` to ``high``."""

    counts: IntArray
    low: float
    high: float


@dataclass(frozen=True)
class DatasetOpened(Result):
    """A dataset is open; ``contact_sheet`` shows some of its images as the model gets them."""

    info: DatasetInfo
    contact_sheet: ByteArray
    histogram: ValueHistogram | None = None


@dataclass(frozen=True)
class DatasetCancelled(Result):
    """The opening was cancelled; the earlier dataset stays."""


@dataclass(frozen=True)
class TrainingEvent(Result):
    """One event of the active run; a ``Progress`` comes as :class:`TrainingProgress`."""

    event: Event


@dataclass(frozen=True)
class TrainingProgress(TrainingEvent):
    """A ``Progress`` of the active run; a newer one replaces it while it waits."""

    slot: ClassVar[str | None] = "training-progress"


@dataclass(frozen=True)
class RunOpened(Result):
    """The opened model belongs to a run, which may be continued.

    Attributes
    ----------
    run
        Its folder.
    config
        Its settings, with those that were changed while it was trained.
    source, fingerprint
        Of the dataset it was trained on; the dataset's settings are in ``config``.
    epochs
        Number of completed epochs.
    reason
        Why it ended, as in ``events.Finished``; empty if it has no checkpoint, and while it is trained elsewhere: it
        is sent again once it no longer is.
    """

    run: str
    config: RunConfig
    source: str
    fingerprint: str
    epochs: int = 0
    reason: str = ""


@dataclass(frozen=True)
class RunFollowed(Result):
    """New events in the metrics of a run folder: ``Epoch`` and ``Adjusted``.

    The run is the opened one, or (``compared``) one whose curves are drawn beside it.
    """

    run: str
    events: tuple[Event, ...]
    compared: bool = False
    is_trained_elsewhere: bool = False


@dataclass(frozen=True)
class RunSnapshots(Result):
    """The epochs whose snapshots can be read, of the active or the opened run."""

    run: str
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class SnapshotRead(Result):
    """The snapshot of one epoch of a run: points as in :class:`PointsChanged`, the manifold's picture, images.

    ``originals``, ``reconstructions`` and ``samples`` are uint8 [k, H, W] or [k, H, W, 3]; ``picture`` shows the plane
    of the first two dimensions through 0.
    """

    slot: ClassVar[str | None] = "snapshot"
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
    fingerprint: str = ""
    index: IntArray | None = None


@dataclass(frozen=True)
class EpochsRead(Result):
    """Images of a run over its epochs: ``images`` [rows, epochs, H, W] or [rows, epochs, H, W, 3].

    ``originals``, [rows, H, W] or [rows, H, W, 3], are the reconstructed images; ``None`` for samples.
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
    """An encoded image file: its posterior, the prepared original, its reconstruction, distortion and rate in nats.

    ``image`` is the encoder's input, resized and with the model's channels: uint8 [H, W] or [H, W, 3].
    ``reconstruction`` is decoded from the posterior mean. ``distortion`` and ``rate`` are ``None`` for a model without
    an ELBO.
    """

    model_version: int
    path: str
    mean: FloatArray  # [d]
    std: FloatArray  # [d]
    image: ByteArray
    reconstruction: ByteArray
    distortion: float | None
    rate: float | None
    label: int | None = None  # the class it was encoded as: the requested one, or the model's own classification
    note: str = ""  # what was changed about the file to fit the model
    is_drawing: bool = False  # painted, not read from a file: ``path`` is then only its name
    hidden: BoolArray | None = None  # [H, W], pixels that the user has hidden
    refinement: tuple[tuple[int, ...], tuple[float, ...]] | None = None  # steps and ELBOs, if mean and std are refined
    pixel_error: float = 0.0  # root mean square of image minus reconstruction over the pixels, in [0, 1]


@dataclass(frozen=True)
class ModelSaved(Result):
    """The current model has been written."""

    path: str


@dataclass(frozen=True)
class Failed(Result):
    """A request failed; the engine keeps running.

    ``request`` is its name, or ``Checkpoint`` if the disk was too full for the active run's checkpoint: the run is then
    paused (``TrainingState`` follows), whether it was training, pausing or stopping. After ``Shutdown`` the worker ends
    all the same, and what the run learned since its last checkpoint is lost; to avoid that, send ``PauseTraining``
    first, which checkpoints without ending.
    ``expected`` distinguishes bad input from a bug; ``details`` can be copied into a report.
    ``again`` is the request itself if it was lost with its worker: the window offers to send it again.
    ``path`` is what the request was to write; empty for one that writes nothing.
    """

    request: str
    message: str
    details: str = ""
    expected: bool = True
    again: Request | None = None
    path: str = ""


@dataclass(frozen=True)
class Notice(Result):
    """A message for the user, such as that a device is absent."""

    message: str
    details: str = ""
