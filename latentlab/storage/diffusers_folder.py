"""Folders of diffusers: an autoencoder as its settings, ``config.json``, and weights as safetensors.

The model is the one that the settings describe; nothing is guessed from names of files or weights. Names and shapes in
the files' headers are compared with the settings before anything of them is read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from latentlab.config import ModelConfig
from latentlab.config.autoencoder import (
    AUTOENCODERS,
    AutoencoderKLConfig,
    AutoencoderTinyConfig,
    image_size_of,
    latent_shape_of,
)
from latentlab.config.autoencoder_shapes import Shape, weight_shapes
from latentlab.config.model import MOST_PLAIN_LATENTS
from latentlab.errors import InputError
from latentlab.storage.model_file import ModelFile, ModelHeader
from latentlab.storage.other_formats import refuse_pickled_weights
from latentlab.storage.tensors import Arrays, digest, read_floats, read_shapes
from latentlab.storage.validation import (
    WEIGHT,
    FileContentError,
    check_arrays,
    described,
    json_object,
    opened_regular,
    read_bounded,
    shortened,
)

SETTINGS = "config.json"
_CLASS = "_class_name"
_WEIGHTS = "diffusion_pytorch_model"
_FILES = (f"{_WEIGHTS}.safetensors", f"{_WEIGHTS}.fp16.safetensors")
_INDEX = f"{_WEIGHTS}.safetensors.index.json"
_SUB_FOLDER = "vae"
_PIPELINE = "model_index.json"
_LARGEST_SETTINGS, _LARGEST_INDEX, _MOST_FILES = 1 << 20, 10 << 20, 64
_EARLIER_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Of the parts of an attention, in files of diffusers before 0.12."""


def folder_of_diffusers(path: Path) -> Path | None:
    """The folder with the settings of a model of diffusers, for that folder, a file in it, or a pipeline's folder."""
    if os.path.isfile(path) and (path.name == SETTINGS or path.name.startswith(_WEIGHTS)):
        path = path.parent
    if not os.path.isdir(path):
        return None
    for folder in (path, path / _SUB_FOLDER):
        if _names_a_class(folder / SETTINGS) or _has_weights(folder):
            return folder
    return path if os.path.isfile(path / _PIPELINE) else None


def read_diffusers(path: Path, image_size: int | None = None) -> ModelFile:
    """Read an autoencoder of diffusers; no code in it is executed.

    Parameters
    ----------
    path
        Its folder, a pipeline's folder with a sub-folder ``vae``, or a file in one of them.
    image_size
        Side in pixels of the images that it is opened for; by default that of its settings, up to 256.

    Raises
    ------
    InputError
        In one sentence: settings that are not known, weights that are missing, too many, of another shape, or not
        finite.
    """
    folder = folder_of_diffusers(path)
    if folder is None or not os.path.isfile(folder / SETTINGS):
        raise InputError(
            f"{path} has no {SETTINGS} of an autoencoder of diffusers, nor a folder {_SUB_FOLDER} with one"
        )
    settings = _settings(folder / SETTINGS)
    height, width = image_size_of(settings, image_size)
    weights = _weights(folder, settings.kind, weight_shapes(settings))
    latent_shape = latent_shape_of(settings, height, width)
    header = ModelHeader(
        model=ModelConfig(
            recipe="autoencoder-kl" if isinstance(settings, AutoencoderKLConfig) else "autoencoder-tiny",
            family="foreign",
            latent_dim=min(MOST_PLAIN_LATENTS, math.prod(latent_shape)),
            latent_shape=latent_shape,
        ),
        image_shape=(settings.in_channels, height, width),
        parameters=sum(array.size for array in weights.values()),
        autoencoder=settings,
        sha256=digest(weights),
    )
    return ModelFile(header, weights)


def _names_a_class(path: Path) -> bool:
    """Whether a file is the settings of a model of diffusers."""
    try:
        with opened_regular(path) as (file, size):
            return size <= _LARGEST_SETTINGS and _CLASS in json_object(file.read(_LARGEST_SETTINGS))
    except (InputError, FileContentError):
        return False


def _has_weights(folder: Path) -> bool:
    """Whether weights of diffusers lie in a folder, so that settings that cannot be read are said to be the fault."""
    return any(os.path.isfile(folder / name) for name in (*_FILES, _INDEX))


def _settings(path: Path) -> AutoencoderKLConfig | AutoencoderTinyConfig:
    try:
        values = json_object(read_bounded(path, _LARGEST_SETTINGS, "settings"))
        name = values.get(_CLASS)
        kind = AUTOENCODERS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise FileContentError(
                f"{_CLASS}: {shortened(str(name))!r} is not read, only {' and '.join(AUTOENCODERS)}; of any other "
                "model make a package with latentlab adopt"
            )
        own = {key: value for key, value in values.items() if not key.startswith("_")}
        if "kind" in own:
            raise FileContentError("kind: it is not a setting of diffusers")
        return described(kind, own)
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None


def _weights(folder: Path, kind: str, shapes: Mapping[str, Shape]) -> Arrays:
    """The weights, by diffusers' present names."""
    files = _weight_files(folder, kind)
    found: dict[str, tuple[Path, str, Shape]] = {}
    for file in files:
        for name, shape in read_shapes(file).items():
            present = _present_name(name)
            if present in found:
                raise InputError(f"{file}: {shortened(name)} is there twice")
            found[present] = (file, name, shape)
    _check_shapes(folder, shapes, {name: shape for name, (_file, _name, shape) in found.items()})
    weights: Arrays = {}
    for file in files:
        weights |= {_present_name(name): array for name, array in read_floats(file).items()}
    try:
        check_arrays(weights, dict.fromkeys(weights, WEIGHT))
    except FileContentError as fault:
        raise InputError(f"{folder}: {fault}") from None
    return weights


def _weight_files(folder: Path, kind: str) -> list[Path]:
    whole = next((folder / name for name in _FILES if os.path.isfile(folder / name)), None)
    if whole is not None:
        return [whole]
    if os.path.isfile(folder / _INDEX):
        return _shards(folder / _INDEX)
    pickled = next((name for name in sorted(os.listdir(folder)) if name.endswith((".bin", ".pt", ".ckpt"))), None)
    if pickled is not None:
        refuse_pickled_weights(folder, pickled, kind)
    raise InputError(f"{folder} has no {_FILES[0]}: the weights of its model are missing")


def _shards(path: Path) -> list[Path]:
    """The files that an index names, which lie beside it."""
    try:
        index = json_object(read_bounded(path, _LARGEST_INDEX, "an index")).get("weight_map")
        if not isinstance(index, dict) or not all(isinstance(name, str) for name in index.values()):
            raise FileContentError("weight_map: it must name a file for each weight")
        names = sorted(set(index.values()))
        if not 1 <= len(names) <= _MOST_FILES:
            raise FileContentError(f"weight_map: it names {len(names):,} files, and 1 to {_MOST_FILES} can be read")
        outside = next((name for name in names if name != os.path.basename(name) or name in ("", ".", "..")), None)
        if outside is not None:
            raise FileContentError(f"weight_map: {shortened(outside)!r} is not the name of a file beside it")
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    return [path.parent / name for name in names]


def _present_name(name: str) -> str:
    parts = name.split(".")
    if "attentions" in parts and len(parts) >= 2:
        parts[-2] = _EARLIER_NAMES.get(parts[-2], parts[-2])
    return ".".join(parts)


def _check_shapes(folder: Path, wanted: Mapping[str, Shape], found: Mapping[str, Shape]) -> None:
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [f"{shortened(name)} is not one of its weights" for name in found if name not in wanted]
    faults += [
        f"{name} is {list(found[name])} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    if faults:
        more = f", and {len(faults) - 3:,} more" if len(faults) > 3 else ""
        raise InputError(f"{folder}: {SETTINGS} and weights disagree: {'; '.join(faults[:3])}{more}")


__all__ = ["SETTINGS", "folder_of_diffusers", "read_diffusers"]
