"""Messages about a second model that is compared with the current one (no Qt, no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from latentlab.config.info import ModelInfo
from latentlab.engine.protocol.requests import DecodeGrid, Request
from latentlab.engine.protocol.results import GridTiles, PointsChanged, Result, SnapshotRead
from latentlab.latent.alignment import Procrustes
from latentlab.utils.array_types import ByteArray, FloatArray


@dataclass(frozen=True)
class OpenComparison(Request):
    """Hold a second model beside the current one, in place of an earlier one, and align their latent spaces.

    ``source`` is a model file, a run folder or ``bundled:NAME``. With ``epoch`` it is a run folder, and the snapshot of
    that epoch is compared, which has no weights. With ``first_epoch`` it is compared with the snapshot of that epoch of
    the current model's run, not with the model as it is now.
    """

    generation: int
    source: str
    epoch: int | None = None
    first_epoch: int | None = None


@dataclass(frozen=True)
class CloseComparison(Request):
    """Drop the second model, and free its memory."""


@dataclass(frozen=True)
class DecodeBoth(Request):
    """Decode one latent of the current model and its counterpart in the compared one.

    The counterpart is ``other_z`` if that is given, else the same image's latent if ``z`` is that of a point, else the
    aligned one.
    """

    slot: ClassVar[str | None] = "both"
    generation: int
    z: FloatArray  # [d] of the current model
    other_z: FloatArray | None = None  # [d] of the compared model
    label: int | None = None
    preview: bool = False


@dataclass(frozen=True)
class DecodeOtherGrid(DecodeGrid):
    """Decode the visible manifold of the compared model."""

    slot: ClassVar[str | None] = "other-grid"


@dataclass(frozen=True)
class ModelFigures:
    """Figures of one of the compared models; means in nats per image, ``None`` where they are not known.

    ``measured_on`` says on which images rate, distortion and ELBO were measured.
    """

    name: str
    recipe: str
    latent_dim: int
    parameters: int
    elbo: float | None = None
    rate: float | None = None
    distortion: float | None = None
    active_units: int | None = None
    measured_on: str = ""


@dataclass(frozen=True)
class ComparisonProgress(Result):
    """How far the opening of a comparison has come."""

    slot: ClassVar[str | None] = "comparison-progress"
    message: str


@dataclass(frozen=True)
class ComparisonOpened(Result):
    """The compared model is held.

    Attributes
    ----------
    info
        Its description; of a snapshot, that of its run's model.
    points
        Images as it encodes them, if there are any.
    snapshot
        The epoch's snapshot, if one is compared.
    alignment
        Maps its latents to those of the current model; ``None`` if they cannot be aligned, which ``why_not_aligned``
        explains.
    common
        Number of images that both models encode.
    figures
        Of the current model and of the compared one.
    has_decoder
        Whether it can decode.
    """

    generation: int
    info: ModelInfo
    points: PointsChanged | None
    snapshot: SnapshotRead | None
    alignment: Procrustes | None
    why_not_aligned: str
    common: int
    figures: tuple[ModelFigures, ModelFigures]
    has_decoder: bool = True


@dataclass(frozen=True)
class BothDecoded(Result):
    """A latent decoded by both models.

    Attributes
    ----------
    z, other_z
        The latents, [d] of each model; the second is ``None`` if it has no counterpart.
    image, other_image
        uint8 [H, W] or [H, W, 3]; ``None`` if it cannot be decoded, which ``note`` explains.
    difference
        uint8 [H, W, 3]: where the second image is brighter (red) or darker (blue); ``None`` for images of other sizes.
    mean_difference
        Mean absolute difference of the pixels in [0, 1].
    number
        The image of the dataset whose latents these are; −1 for none.
    """

    slot: ClassVar[str | None] = "both"
    generation: int
    z: FloatArray
    other_z: FloatArray | None
    image: ByteArray | None
    other_image: ByteArray | None
    difference: ByteArray | None
    mean_difference: float | None
    number: int
    preview: bool
    note: str = ""


@dataclass(frozen=True)
class OtherTiles(GridTiles):
    """Some cells of the compared model's manifold."""
