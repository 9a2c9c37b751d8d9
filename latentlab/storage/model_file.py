"""The model file: a ``.safetensors`` file with weights, metadata, encoded points and a picture of the manifold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from latentlab.config import Config, DataConfig, LatentFlowConfig, ModelConfig
from latentlab.config.autoencoder import AutoencoderConfig, check_latent_shape, latent_shape_of
from latentlab.config.autoencoder_shapes import weight_shapes
from latentlab.config.capabilities import ALL, OF_AUTOENCODERS, Capabilities
from latentlab.config.layout import latent_layout
from latentlab.errors import InputError
from latentlab.storage.tensors import NOT_A_MODEL, Arrays, digest, read_tensors, write_tensors
from latentlab.storage.validation import (
    INDEX,
    MAX_CLASSES,
    MEAN,
    STD,
    WEIGHT,
    Count,
    DataRecord,
    FileContentError,
    Metrics,
    Names,
    PictureExtent,
    SchemaVersion,
    TrainingRecord,
    check_arrays,
    described,
    json_object,
    label_rule,
    shortened,
)
from latentlab.utils.array_rules import LARGEST_COORDINATE, PICTURE, ArrayRule, first_fault

if TYPE_CHECKING:
    from latentlab.storage.explored_model import ExploredModel
    from latentlab.storage.latent_table import LatentTable
    from latentlab.storage.onnx_package import OnnxPackage

SCHEMA_VERSION = 1
METADATA_KEY = "latentlab"
_PREVIEW = "preview"
_POINTS = "points."
_FLOW = "latent_flow."
_REQUIRED = {"mean", "std", "label"}  # of the points
_LARGEST_SIDE = 4096


class ModelHeader(Config):
    """The JSON description in a model file's metadata.

    Attributes
    ----------
    schema_version
        Version of this description; files of a newer version are refused.
    model
        Configuration of the model.
    image_shape
        (C, H, W) of the images it encodes and decodes.
    classes
        Class names of its data.
    data, training
        Provenance: dataset name, source, fingerprint, sizes and value ranges; training settings, epoch and step.
    metrics
        By name, in nats per image unless stated otherwise (``validation_elbo``, ``test_elbo``).
    parameters
        Number of trainable parameters.
    preview_extent
        (left, right, bottom, top) of the stored picture of the manifold, in z₁ and z₂.
    latent_flow
        Size of the flow that was fitted to the encoded dataset; ``None`` if there is none in the file.
    autoencoder
        Settings of an autoencoder of diffusers, which the weights are of; ``None`` for a model of ours.
    sha256
        Hash of all tensors; set when the file is written.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    model: ModelConfig
    image_shape: tuple[
        Annotated[int, Field(ge=1, le=4)],
        Annotated[int, Field(ge=1, le=_LARGEST_SIDE)],
        Annotated[int, Field(ge=1, le=_LARGEST_SIDE)],
    ]
    classes: Names = ()
    data: DataRecord = Field(default_factory=dict)
    training: TrainingRecord = Field(default_factory=dict)
    metrics: Metrics = Field(default_factory=dict)
    parameters: Count = 0
    preview_extent: PictureExtent | None = None
    latent_flow: LatentFlowConfig | None = None
    autoencoder: AutoencoderConfig | None = None
    sha256: Annotated[str, Field(max_length=64)] = ""

    @model_validator(mode="after")
    def _check_autoencoder(self) -> ModelHeader:
        settings = self.autoencoder
        if settings is None:
            return self
        channels, height, width = self.image_shape
        if channels != settings.in_channels or height % settings.factor or width % settings.factor:
            raise InputError(f"image_shape: {list(self.image_shape)} is not one that its autoencoder takes")
        shape = latent_shape_of(settings, height, width)
        if self.model.family != "foreign" or self.model.latent_shape != shape:
            raise InputError(f"model: its autoencoder has latents of {list(shape)}, which its settings do not say")
        check_latent_shape(shape)
        return self

    @property
    def value_ranges(self) -> dict[str, tuple[float, float]]:
        """Values of its training images that were black and white, by type: ``eight`` bits, ``whole``, ``real``.

        Empty for a model whose file does not say so, as of version 0.1.
        """
        return {name: (float(low), float(high)) for name, (low, high) in self.data.get("ranges", {}).items()}

    def data_config(self, limit: int | None = None) -> DataConfig:
        """How to load images for this model: as its training data, but all of them or ``limit``."""
        _, height, width = self.image_shape
        try:
            config = DataConfig.model_validate(self.data.get("config", {}))
        except ValidationError:
            config = DataConfig()
        size = {"image_size": width, "image_height": None if height == width else height}
        own = {"classes": (), "per_class": None, "limit": limit, "channels": self.image_shape[0]}
        try:
            return DataConfig.model_validate(config.model_dump() | own | size)
        except ValidationError:  # larger or smaller than any dataset is prepared, as foreign models may be
            return DataConfig.model_validate(config.model_dump() | own)


@dataclass(frozen=True)
class Points:
    """A dataset encoded by a model.

    Attributes
    ----------
    mean, std
        float32 [N, d], of each posterior.
    label
        int64 [N], −1 where unknown.
    index
        int64 [N]: index of each point's image in the dataset; ``None`` when unknown.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    label: NDArray[np.int64]
    index: NDArray[np.int64] | None = None

    def of(self, rows: NDArray[np.int64]) -> Points:
        """The points of the given rows."""
        index = None if self.index is None else self.index[rows]
        return Points(self.mean[rows], self.std[rows], self.label[rows], index)

    def storable(self) -> tuple[Points, int]:
        """The points that a file may hold, and the number of others: not finite, or beyond any range."""
        with np.errstate(invalid="ignore"):
            within = (np.abs(self.mean) <= LARGEST_COORDINATE) & (np.abs(self.std) <= LARGEST_COORDINATE)
        rows = np.flatnonzero(within.all(axis=1))
        count = len(self.mean) - len(rows)
        return (self.of(rows) if count else self), count


@dataclass(frozen=True)
class ModelFile:
    """Content of a model file.

    ``preview`` is the decoded manifold, uint8 [H, W] or [H, W, 3], z₂ upwards; ``flow`` the weights of a flow fitted to
    the points, of the size in the header.
    A model of another program or process has no weights here, but a ``package``.
    """

    header: ModelHeader
    weights: Arrays
    points: Points | None = None
    preview: NDArray[np.uint8] | None = field(default=None)
    flow: Arrays | None = None
    package: OnnxPackage | ExploredModel | LatentTable | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What the model offers."""
        if self.package is not None:
            return self.package.capabilities
        return OF_AUTOENCODERS if self.header.model.family == "foreign" else ALL


def read_model(path: str | Path) -> ModelFile:
    """Read a model file into memory; no code in it is executed.

    Raises
    ------
    InputError
        One sentence: why it is not a model, or that it is damaged or of a newer version.
    """
    path = Path(path)
    text, tensors = read_tensors(path, METADATA_KEY)
    try:
        header = _parse_header(path, text)
    except FileContentError as fault:
        raise InputError(f"{path} {NOT_A_MODEL}: {fault}") from None
    if digest(tensors) != header.sha256:
        raise InputError(f"{path} is damaged: its tensors' SHA-256 does not match the one recorded in it")
    try:
        _check_tensors(header, tensors)
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    preview = tensors.pop(_PREVIEW, None)
    stored = {name: tensors.pop(name) for name in list(tensors) if name.startswith(_POINTS)}
    flow = {name.removeprefix(_FLOW): tensors.pop(name) for name in list(tensors) if name.startswith(_FLOW)}
    return ModelFile(header, tensors, _points(stored, len(header.classes)), preview, flow or None)


def write_model(path: str | Path, model: ModelFile) -> ModelHeader:
    """Write a model file atomically.

    Points that `read_model` would refuse are left out, all of them: see `Points.storable`.

    Returns
    -------
    ModelHeader
        The header as written, with the tensors' SHA-256.

    Raises
    ------
    InputError, RunError
        As in ``atomic_write``.
    """
    tensors = dict(model.weights)
    if reserved := [name for name in tensors if name == _PREVIEW or name.startswith((_POINTS, _FLOW))]:
        raise ValueError(f"weights may not be named {reserved}")
    if model.preview is not None:
        tensors[_PREVIEW] = model.preview
    if model.points is not None and _points_fault(model.header, model.points) is None:
        tensors |= {_POINTS + name: array for name, array in _stored_points(model.points).items()}
    tensors |= {_FLOW + name: array for name, array in (model.flow or {}).items()}
    known = {"schema_version": SCHEMA_VERSION, "sha256": digest(tensors)}
    header = model.header.model_copy(update=known if model.flow else known | {"latent_flow": None})
    # Fields that earlier versions do not know are left out where they say nothing.
    newer = {name for name in ("latent_flow", "autoencoder") if getattr(header, name) is None}
    values = header.model_dump(mode="json", exclude=newer)
    # Not by pydantic: bytes of file names that are not UTF-8 have escapes in JSON.
    write_tensors(Path(path), METADATA_KEY, json.dumps(values), tensors)
    return header


def check_weights(expected: Mapping[str, ArrayRule], weights: Arrays, path: str) -> None:
    """Refuse weights that do not match the configuration in the same file.

    Parameters
    ----------
    expected
        What every tensor of the configured model may be, by name.
    weights
        The tensors in the file.
    path
        Name of the file for the error.

    Raises
    ------
    InputError
        Names the first few keys that are missing, unexpected, or of another shape or kind.
    """
    faults = [f"{name} is missing" for name in expected if name not in weights]
    faults += [f"{shortened(name)} is not one of its tensors" for name in weights if name not in expected]
    for name, rule in expected.items():
        if name in weights and (fault := rule.fault(weights[name], {})) is not None:
            faults.append(f"{name} {fault}")
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise InputError(f"{path}: configuration and weights disagree: {'; '.join(faults[:3])}{more}")


def _parse_header(path: Path, text: str) -> ModelHeader:
    values = json_object(text)
    version = values.get("schema_version")
    if type(version) is int and version > SCHEMA_VERSION:
        raise InputError(
            f"{path} was written by a newer latentlab (schema version {version}; this one reads {SCHEMA_VERSION})"
        )
    if version is None:
        raise FileContentError("its description is not readable")
    return described(ModelHeader, values)


def _points_fault(header: ModelHeader, points: Points) -> str | None:
    arrays: Arrays = {"mean": points.mean, "std": points.std, "label": points.label}
    return first_fault(arrays, {"mean": MEAN, "std": STD, "label": label_rule(MAX_CLASSES)}, _sizes(header))


def _sizes(header: ModelHeader) -> dict[str, int]:
    return {"d": latent_layout(header.model, header.image_shape).latent_dim}


def _stored_points(points: Points) -> Arrays:
    label = points.label
    # Labels are stored as one byte each where they fit.
    smallest = np.int8 if label.size == 0 or label.max() < 128 else np.int64
    stored: Arrays = {"mean": points.mean, "std": points.std, "label": label.astype(smallest)}
    if points.index is not None:
        stored["index"] = points.index.astype(np.int32)
    return stored


def _check_tensors(header: ModelHeader, tensors: Arrays) -> None:
    """Check the values of all tensors, and the shapes of those that are not weights."""
    rules = {
        _POINTS + "mean": MEAN,
        _POINTS + "std": STD,
        _POINTS + "label": label_rule(MAX_CLASSES),
        _POINTS + "index": INDEX,
        _PREVIEW: PICTURE,
    }
    rules |= {name: WEIGHT for name in tensors if name not in rules}
    if header.autoencoder is not None:
        shapes = weight_shapes(header.autoencoder)
        rules |= {name: replace(WEIGHT, shapes=(shape,)) for name, shape in shapes.items()}
    check_arrays(tensors, rules, _sizes(header))
    if (header.latent_flow is None) == any(name.startswith(_FLOW) for name in tensors):
        raise FileContentError("its description and its tensors disagree on whether it has a flow of its latents")
    names = {name.removeprefix(_POINTS) for name in tensors if name.startswith(_POINTS)}
    if not names:
        return
    if missing := _REQUIRED - names:
        raise FileContentError(f"tensor {_POINTS}{min(missing)} is missing")
    if unknown := names - _REQUIRED - {"index"}:
        raise FileContentError(f"tensor {_POINTS}{min(unknown)} is not one of a model's")


def _points(stored: Arrays, classes: int) -> Points | None:
    """The encoded dataset in the types of `Points`; a label without a name, as of other data, is unknown."""
    if not stored:
        return None
    mean, std = (stored[_POINTS + name].astype(np.float32, copy=False) for name in ("mean", "std"))
    label = stored[_POINTS + "label"].astype(np.int64)
    label[label >= classes] = -1
    index = stored.get(_POINTS + "index")
    return Points(mean, std, label, None if index is None else index.astype(np.int64, copy=False))
