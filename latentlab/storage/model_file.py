"""The model file: a ``.safetensors`` file with weights, metadata, encoded points and a picture of the manifold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from latentlab.config import Config, DataConfig, ModelConfig
from latentlab.errors import InputError
from latentlab.storage.tensors import Arrays, digest, read_tensors, write_tensors

SCHEMA_VERSION = 1
METADATA_KEY = "latentlab"
_PREVIEW = "preview"
_POINTS = "points."
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
        Provenance: dataset name, source, fingerprint and sizes; training settings, epoch and step.
    metrics
        By name, in nats per image unless stated otherwise (``validation_elbo``, ``test_elbo``).
    parameters
        Number of trainable parameters.
    preview_extent
        (left, right, bottom, top) of the stored picture of the manifold, in z₁ and z₂.
    sha256
        Hash of all tensors; set when the file is written.
    """

    schema_version: int = Field(default=SCHEMA_VERSION, ge=1)
    model: ModelConfig
    image_shape: tuple[
        Annotated[int, Field(ge=1, le=4)],
        Annotated[int, Field(ge=1, le=_LARGEST_SIDE)],
        Annotated[int, Field(ge=1, le=_LARGEST_SIDE)],
    ]
    classes: tuple[str, ...] = ()
    data: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    parameters: int = Field(default=0, ge=0)
    preview_extent: tuple[float, float, float, float] | None = None
    sha256: str = ""

    def data_config(self, limit: int | None = None) -> DataConfig:
        """How to load images for this model: as its training data, but all of them or ``limit``."""
        _, height, width = self.image_shape
        try:
            config = DataConfig.model_validate(self.data.get("config", {}))
        except ValidationError:
            config = DataConfig()
        square = {"image_size": height} if height == width else {}
        return DataConfig.model_validate(
            config.model_dump()
            | {"classes": (), "per_class": None, "limit": limit, "channels": self.image_shape[0]}
            | square
        )


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


@dataclass(frozen=True)
class ModelFile:
    """Content of a model file; ``preview`` is the decoded manifold, uint8 [H, W] or [H, W, 3], z₂ upwards."""

    header: ModelHeader
    weights: Arrays
    points: Points | None = None
    preview: NDArray[np.uint8] | None = field(default=None)


def read_model(path: str | Path) -> ModelFile:
    """Read a model file into memory; no code in it is executed.

    Raises
    ------
    InputError
        One sentence: why it is not a model, or that it is damaged or of a newer version.
    """
    path = Path(path)
    text, tensors = read_tensors(path, METADATA_KEY)
    header = _parse_header(path, text)
    if digest(tensors) != header.sha256:
        raise InputError(f"{path} is damaged: its tensors' SHA-256 does not match the one recorded in it")
    preview = tensors.pop(_PREVIEW, None)
    stored = {name: tensors.pop(name) for name in list(tensors) if name.startswith(_POINTS)}
    _check_preview(path, preview)
    return ModelFile(header, tensors, _points(path, stored), preview)


def write_model(path: str | Path, model: ModelFile) -> ModelHeader:
    """Write a model file atomically.

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
    if reserved := [name for name in tensors if name == _PREVIEW or name.startswith(_POINTS)]:
        raise ValueError(f"weights may not be named {reserved}")
    if model.preview is not None:
        tensors[_PREVIEW] = model.preview
    if model.points is not None:
        tensors |= {_POINTS + name: array for name, array in _stored_points(model.points).items()}
    header = model.header.model_copy(update={"schema_version": SCHEMA_VERSION, "sha256": digest(tensors)})
    write_tensors(Path(path), METADATA_KEY, header.model_dump_json(), tensors)
    return header


def check_weights(expected: dict[str, tuple[int, ...]], weights: Arrays, path: str) -> None:
    """Refuse weights that do not match the configuration in the same file.

    Parameters
    ----------
    expected
        Shape of every tensor of the configured model, by name.
    weights
        The tensors in the file.
    path
        Name of the file for the error.

    Raises
    ------
    InputError
        Names the first few keys that are missing, unexpected, or of another shape.
    """
    faults = [f"{name} is missing" for name in expected if name not in weights]
    faults += [f"{name} is not one of its tensors" for name in weights if name not in expected]
    faults += [
        f"{name} is {list(weights[name].shape)} instead of {list(shape)}"
        for name, shape in expected.items()
        if name in weights and weights[name].shape != shape
    ]
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise InputError(f"{path}: configuration and weights disagree: {'; '.join(faults[:3])}{more}")


def _parse_header(path: Path, text: str) -> ModelHeader:
    try:
        values = json.loads(text)
        version = values["schema_version"]
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        raise InputError(f"{path} is not a latentlab model: its description is not readable") from None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{path} was written by a newer latentlab (schema version {version}; this one reads {SCHEMA_VERSION})"
        )
    try:
        return ModelHeader.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path} is not a latentlab model: its description's {where}: {first['msg']}") from None


def _stored_points(points: Points) -> Arrays:
    label = points.label
    # Labels are stored as one byte each where they fit.
    smallest = np.int8 if label.size == 0 or label.max() < 128 else np.int64
    stored: Arrays = {"mean": points.mean, "std": points.std, "label": label.astype(smallest)}
    if points.index is not None:
        stored["index"] = points.index.astype(np.int32)
    return stored


def _points(path: Path, stored: Arrays) -> Points | None:
    if not stored:
        return None
    try:
        mean, std, label = (stored.pop(_POINTS + name) for name in ("mean", "std", "label"))
    except KeyError as error:
        raise InputError(f"{path}: tensor {error.args[0]} is missing") from None
    index = stored.pop(_POINTS + "index", None)
    shape, count = mean.shape[:2] if mean.ndim == 2 else (0, 0), mean.shape[:1]
    expected = {"mean": (mean, shape), "std": (std, shape), "label": (label, count)}
    if index is not None:
        expected["index"] = (index, count)
    for name, (array, shape) in expected.items():
        if array.shape != shape or (array.dtype.kind != "f") == (name in ("mean", "std")):
            raise InputError(f"{path}: tensor {_POINTS}{name} is {array.dtype} {list(array.shape)}, which is invalid")
    return Points(
        mean.astype(np.float32, copy=False),
        std.astype(np.float32, copy=False),
        label.astype(np.int64, copy=False),
        None if index is None else index.astype(np.int64, copy=False),
    )


def _check_preview(path: Path, preview: NDArray[Any] | None) -> None:
    if preview is None:
        return
    flat = preview.ndim == 2 or (preview.ndim == 3 and preview.shape[2] == 3)
    if preview.dtype != np.uint8 or not flat:
        raise InputError(f"{path}: tensor {_PREVIEW} is {preview.dtype} {list(preview.shape)}, which is invalid")
