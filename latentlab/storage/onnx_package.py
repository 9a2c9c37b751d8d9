"""ONNX packages: a VAE of any origin as data, with the arrays that show that it was opened rightly.

A folder, or a ``.zip`` of one, with ``model.json``, ``decoder.onnx``, mostly ``encoder.onnx``, and ``test.npz``: images
and latents, and what the networks must make of them.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from latentlab.config import ModelConfig
from latentlab.config.capabilities import Capabilities
from latentlab.config.model import LARGEST_MAP_SIDE
from latentlab.errors import InputError
from latentlab.storage.atomic import atomic_write
from latentlab.storage.model_file import ModelHeader
from latentlab.storage.onnx_graph import OnnxGraph, Port, checked_graph, read_graph
from latentlab.storage.validation import (
    Claim,
    FileContentError,
    Names,
    Text,
    check_arrays,
    described,
    json_object,
    read_bounded,
    require_memory,
    shortened,
)
from latentlab.utils.array_rules import ArrayRule
from latentlab.utils.memory import format_bytes

PACKAGE_VERSION = 1
DESCRIPTION, ENCODER, DECODER, TEST = "model.json", "encoder.onnx", "decoder.onnx", "test.npz"
_LARGEST_DESCRIPTION = 1 << 20
_LARGEST_TEST = 256 << 20
_LARGEST_VALUE = 1e9
_MOST_TESTS = 256
_LARGEST_LIST = 1 << 17
"""Bytes of the list of an archive's files, about a thousand names: the window reads it, and archives of images hold
hundreds of thousands, which take seconds."""

Size = Annotated[int, Field(ge=1, le=4096)]
PixelValue = Annotated[float, Field(ge=-_LARGEST_VALUE, le=_LARGEST_VALUE)]
ClassName = Annotated[str, Field(max_length=1000)]
FieldName = Annotated[str, Field(min_length=1, max_length=300)]


class EncoderPorts(Claim):
    """Names of the encoder's input and outputs; without ``std`` it gives points, not posteriors."""

    image: FieldName = "image"
    mean: FieldName = "mean"
    std: FieldName | None = None
    label: FieldName | None = None


class DecoderPorts(Claim):
    """Names of the decoder's input and output."""

    z: FieldName = "z"
    image: FieldName = "image"
    label: FieldName | None = None


class PackageDescription(Claim):
    """The content of ``model.json``.

    Attributes
    ----------
    format, version
        ``latentlab-onnx``, and the version of this description.
    name
        For display.
    image_shape
        (C, H, W).
    latent_shape
        Of one latent as the networks take it; on the map it is a vector of all its numbers.
    value_range
        The networks' values of black and white.
    prior
        ``standard-normal``, or ``unknown``: then samples are drawn from what was encoded.
    classes
        Names of the labels.
    encoder, decoder
        Names of the networks' inputs and outputs; ``encoder`` is ``None`` without one. A network that takes a label
        takes int64 [N], from 0.
    tolerance
        Largest difference to the arrays of ``test.npz`` at which the package is opened, in units of ``value_range``
        for images and as they are for latents.
    source
        Where the model comes from; plain texts.
    """

    format: Literal["latentlab-onnx"] = "latentlab-onnx"
    version: Annotated[int, Field(ge=1, le=2**31)] = PACKAGE_VERSION
    name: Annotated[str, Field(max_length=1000)] = ""
    image_shape: Annotated[list[Size], Field(min_length=3, max_length=3)]
    latent_shape: Annotated[list[Size], Field(min_length=1, max_length=3)]
    value_range: Annotated[list[PixelValue], Field(min_length=2, max_length=2, default_factory=lambda: [0.0, 1.0])]
    prior: Literal["standard-normal", "unknown"] = "standard-normal"
    classes: Annotated[list[ClassName], Field(max_length=10_000, default_factory=list)]
    encoder: EncoderPorts | None = None
    decoder: DecoderPorts = DecoderPorts()
    tolerance: Annotated[float, Field(gt=0, le=0.1)] = 1e-3
    source: Annotated[dict[str, Text], Field(max_length=100, default_factory=dict)]

    @property
    def latent_dim(self) -> int:
        """Numbers of a latent."""
        return math.prod(self.latent_shape)

    @property
    def map_shape(self) -> tuple[int, int, int] | None:
        """(C, h, w) of latents that are maps of several cells; ``None`` for others."""
        if len(self.latent_shape) != 3 or self.latent_shape[1] * self.latent_shape[2] == 1:
            return None
        channels, height, width = self.latent_shape
        return (channels, height, width) if max(self.latent_shape) <= LARGEST_MAP_SIDE else None

    @property
    def is_conditional(self) -> bool:
        """Whether a network takes a label."""
        return self.decoder.label is not None or (self.encoder is not None and self.encoder.label is not None)


@dataclass(frozen=True)
class OnnxPackage:
    """A package as it was read and checked; whether it does what it says is tested when it is loaded.

    Attributes
    ----------
    test
        Arrays of the test: ``image`` [n, C, H, W] in ``value_range`` with ``mean`` and ``std``, and ``z`` with
        ``decoded``; ``label`` if a network takes one. Empty without a test.
    """

    description: PackageDescription
    decoder: OnnxGraph
    encoder: OnnxGraph | None
    test: Mapping[str, NDArray[Any]]

    @property
    def capabilities(self) -> Capabilities:
        """What the model offers."""
        has_prior = self.description.prior == "standard-normal"
        return Capabilities(
            self.encoder is not None, has_likelihood=False, has_prior=has_prior, has_jvp=False, has_weights=False
        )

    @property
    def header(self) -> ModelHeader:
        """The description of a model file with this content."""
        described_as = self.description
        digest = hashlib.sha256(self.decoder.data)
        digest.update(b"" if self.encoder is None else self.encoder.data)
        return ModelHeader(
            model=ModelConfig(
                recipe="onnx",
                family="foreign",
                latent_dim=described_as.latent_dim,
                latent_shape=described_as.map_shape,
                conditional=described_as.is_conditional,
            ),
            image_shape=(described_as.image_shape[0], described_as.image_shape[1], described_as.image_shape[2]),
            classes=tuple(described_as.classes),
            data={"name": described_as.source.get("data", "")},
            parameters=self.decoder.parameters + (0 if self.encoder is None else self.encoder.parameters),
            sha256=digest.hexdigest(),
        )


def is_package(path: Path) -> bool:
    """Whether a path is named like a package: a folder or zip with ``model.json``, or an ``.onnx`` file."""
    if os.path.isdir(path):
        return os.path.isfile(path / DESCRIPTION) and os.path.isfile(path / DECODER)
    if path.suffix.lower() == ".onnx":
        return os.path.isfile(path)
    if path.suffix.lower() != ".zip" or not os.path.isfile(path):
        return False
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
            return bool(_member(archive, DESCRIPTION) and _member(archive, DECODER))
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def package_of(path: Path) -> Path:
    """The folder of a package for one of its files, as a file dialog gives it; any other path as it is."""
    names = (DESCRIPTION, DECODER, ENCODER)
    return path.parent if path.name in names and is_package(path.parent) else path


def read_package(path: Path) -> OnnxPackage:
    """Read a package, or the ``.onnx`` file of a decoder that says all that is needed by itself.

    Raises
    ------
    InputError
        One sentence that names the file and the field.
    """
    if os.path.isdir(path):
        return _read_folder(path)
    if path.suffix.lower() == ".zip":
        return _read_zip(path)
    return _bare_decoder(path)


def write_package(
    folder: Path,
    description: PackageDescription,
    decoder: bytes,
    encoder: bytes | None,
    test: Mapping[str, NDArray[Any]],
) -> None:
    """Write a package into a new or empty folder; ``model.json`` comes last, without which it is none.

    Raises
    ------
    InputError, RunError
        When the folder is not empty, or cannot be written.
    """
    require_new_folder(folder)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, allow_pickle=False, **test)
    atomic_write(folder / DECODER, decoder)
    if encoder is not None:
        atomic_write(folder / ENCODER, encoder)
    atomic_write(folder / TEST, arrays.getvalue())
    atomic_write(folder / DESCRIPTION, (json.dumps(description.model_dump(mode="json"), indent=2) + "\n").encode())


def require_new_folder(folder: Path) -> None:
    """Make a folder for a package.

    Raises
    ------
    InputError
        When it is not empty, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from None
    if not is_empty:
        raise InputError(f"{folder} is not empty: write the package into a new folder")


def _read_folder(folder: Path) -> OnnxPackage:
    description = _described(folder / DESCRIPTION, read_bounded(folder / DESCRIPTION, _LARGEST_DESCRIPTION, "it"))
    decoder = read_graph(folder / DECODER)
    encoder = None if description.encoder is None else read_graph(folder / ENCODER)
    test = folder / TEST
    stored = read_bounded(test, _LARGEST_TEST, "the arrays of a test") if os.path.isfile(test) else None
    return _package(folder, description, decoder, encoder, stored)


def _read_zip(path: Path) -> OnnxPackage:
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name: _unpacked(path, archive, name) for name in (DESCRIPTION, DECODER, ENCODER, TEST)}
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    description = _described(path / DESCRIPTION, held[DESCRIPTION] or b"")
    graphs: dict[str, OnnxGraph] = {}
    for name in (DECODER, ENCODER):
        if (data := held[name]) is not None:
            try:
                graphs[name] = checked_graph(data)
            except FileContentError as fault:
                raise InputError(f"{path / name}: {fault}") from None
    encoder = None if description.encoder is None else graphs.get(ENCODER)
    if DECODER not in graphs or (description.encoder is not None and encoder is None):
        raise InputError(f"{path} has no {DECODER if DECODER not in graphs else ENCODER}")
    return _package(path, description, graphs[DECODER], encoder, held[TEST])


class _BoundedFile(io.FileIO):
    """A file whose reader may not ask for more at once than the list of a package's files takes."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, at most ``_LARGEST_LIST`` bytes; the end of a file is read without a size, and is short."""
        if size is not None and size > _LARGEST_LIST:
            raise ValueError(f"{size:,} bytes are too many")
        return super().read(_LARGEST_LIST if size is None or size < 0 else size)


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    """A file of the package: at the top, or in the only folder."""
    found = [info for info in archive.infolist() if info.filename.split("/")[-1] == name and not info.is_dir()]
    return found[0] if len(found) == 1 and found[0].filename.count("/") <= 1 else None


def _unpacked(path: Path, archive: zipfile.ZipFile, name: str) -> bytes | None:
    info = _member(archive, name)
    if info is None:
        return None
    most = {DESCRIPTION: _LARGEST_DESCRIPTION, TEST: _LARGEST_TEST}.get(name, 2**31 - 1)
    if info.file_size > most:
        raise InputError(f"{path / name}: {format_bytes(info.file_size)} are too many (at most {format_bytes(most)})")
    require_memory(path / name, 4 * info.file_size)
    with archive.open(info) as file:
        data = file.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise InputError(f"{path / name} is not as large as the archive says")
    return data


def _described(path: Path, data: bytes) -> PackageDescription:
    try:
        values = json_object(data)
        version = values.get("version")
        if type(version) is int and version > PACKAGE_VERSION:
            raise InputError(
                f"{path} was written by a newer latentlab (version {version}; this one reads {PACKAGE_VERSION})"
            )
        description = described(PackageDescription, values)
        if not description.value_range[0] < description.value_range[1]:
            raise FileContentError("value_range: it must be two rising numbers")
        if description.image_shape[0] > 4:
            raise FileContentError("image_shape: an image has at most 4 channels")
        if description.latent_dim > 4096:
            raise FileContentError(f"latent_shape: {description.latent_dim:,} numbers are more than 4,096")
        if description.is_conditional and len(description.classes) < 2:
            raise FileContentError("classes: a network that takes labels needs the names of at least two classes")
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    return description


def _package(
    path: Path, description: PackageDescription, decoder: OnnxGraph, encoder: OnnxGraph | None, stored: bytes | None
) -> OnnxPackage:
    image, latent = tuple(description.image_shape), tuple(description.latent_shape)
    try:
        ports = description.decoder
        _check_port(DECODER, "input", decoder.inputs, ports.z, latent)
        _check_port(DECODER, "output", decoder.outputs, ports.image, image)
        _check_inputs(DECODER, decoder, {ports.z, ports.label})
        if encoder is not None and description.encoder is not None:
            of_encoder = description.encoder
            _check_port(ENCODER, "input", encoder.inputs, of_encoder.image, image)
            _check_port(ENCODER, "output", encoder.outputs, of_encoder.mean, latent)
            if of_encoder.std is not None:
                _check_port(ENCODER, "output", encoder.outputs, of_encoder.std, latent)
            _check_inputs(ENCODER, encoder, {of_encoder.image, of_encoder.label})
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    test: dict[str, NDArray[Any]] = {} if stored is None else _test_arrays(path / TEST, stored, description)
    return OnnxPackage(description, decoder, encoder, test)


def _check_port(file: str, what: str, ports: tuple[Port, ...], name: str, shape: tuple[int, ...]) -> None:
    port = next((port for port in ports if port.name == name), None)
    if port is None:
        others = ", ".join(shortened(port.name) for port in ports[:5])
        raise FileContentError(f"{file} has no {what} {shortened(name)!r} (it has {others or 'none'})")
    if port.type not in ("float32", "unknown"):
        raise FileContentError(f"{what} {shortened(name)!r} of {file} is {port.type}, and must be float32")
    fits = len(port.shape) == len(shape) + 1 and all(
        size is None or size == wanted for size, wanted in zip(port.shape[1:], shape, strict=True)
    )
    if port.shape and not fits:
        held = ["?" if size is None else size for size in port.shape]
        raise FileContentError(
            f"{what} {shortened(name)!r} of {file} has the shape {held}, and model.json says [N, "
            f"{', '.join(map(str, shape))}]"
        )
    if port.shape and port.shape[0] is not None:
        raise FileContentError(
            f"{what} {shortened(name)!r} of {file} takes {port.shape[0]} at a time: export it with a free first size"
        )


def _check_inputs(file: str, graph: OnnxGraph, known: set[str | None]) -> None:
    extra = next((port.name for port in graph.inputs if port.name not in known), None)
    if extra is not None:
        raise FileContentError(f"{file} has a further input {shortened(extra)!r}, which model.json does not name")


def _test_arrays(path: Path, stored: bytes, description: PackageDescription) -> dict[str, NDArray[Any]]:
    image, latent = tuple(description.image_shape), tuple(description.latent_shape)
    number = ArrayRule(("f",), ((range(1, _MOST_TESTS + 1), *image),), -_LARGEST_VALUE, _LARGEST_VALUE)
    vector = ArrayRule(("f",), ((range(1, _MOST_TESTS + 1), *latent),), -_LARGEST_VALUE, _LARGEST_VALUE)
    labels = ArrayRule(("i",), ((range(1, _MOST_TESTS + 1),),), 0, max(0, len(description.classes) - 1))
    rules = {"image": number, "decoded": number, "mean": vector, "std": vector, "z": vector, "label": labels}
    try:
        with zipfile.ZipFile(io.BytesIO(stored)) as archive:
            total = sum(info.file_size for info in archive.infolist())
        if total > _LARGEST_TEST:
            raise FileContentError(f"{format_bytes(total)} are too many for the arrays of a test")
        with np.load(io.BytesIO(stored), allow_pickle=False) as held:
            if unknown := set(held.files) - set(rules):
                raise FileContentError(f"array {shortened(min(unknown))} is not one of a test's")
            arrays = {name: held[name] for name in held.files}
        check_arrays(arrays, rules)
        for given, wanted in (("image", "mean"), ("z", "decoded")):
            if (given in arrays) != (wanted in arrays):
                raise FileContentError(f"it has {given if given in arrays else wanted} without the other of the pair")
        if len({len(array) for array in arrays.values()}) > 1:
            raise FileContentError("its arrays have different lengths")
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise InputError(f"{path} cannot be read as arrays") from None
    return arrays


def _bare_decoder(path: Path) -> OnnxPackage:
    """A decoder alone, if its graph says the sizes of latent and image."""
    graph = read_graph(path)
    latents = [port for port in graph.inputs if port.type == "float32"]
    images = [port for port in graph.outputs if port.type == "float32"]
    ask = f"put it into a folder as {DECODER}, with a {DESCRIPTION} that says so (see docs/reference/file-formats.md)"
    if len(graph.inputs) != 1 or len(latents) != 1 or len(images) != 1:
        raise InputError(
            f"{path} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, and does not say which are the "
            f"latent and the image: {ask}"
        )
    latent, image = latents[0].shape[1:], images[0].shape[1:]
    if not latent or None in latent or len(image) != 3 or None in image:
        raise InputError(f"{path} does not say the sizes of its latents and images: {ask}")
    values = {
        "name": path.stem,
        "image_shape": list(image),
        "latent_shape": list(latent),
        "decoder": {"z": latents[0].name, "image": images[0].name},
    }
    description = _described(path, json.dumps(values).encode())
    return _package(path, description, graph, None, None)


__all__ = [
    "DECODER",
    "DESCRIPTION",
    "ENCODER",
    "TEST",
    "DecoderPorts",
    "EncoderPorts",
    "Names",
    "OnnxPackage",
    "PackageDescription",
    "is_package",
    "package_of",
    "read_package",
    "require_new_folder",
    "write_package",
]
