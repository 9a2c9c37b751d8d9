"""Folders of Pythae with a model of its default networks: what its settings say, and our names of its weights.

The weights of such a folder are a pickle, ``model.pt``, which only ``latentlab import`` reads, no opening.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from latentlab.config import ArchitectureConfig, LikelihoodConfig, ModelConfig, PosteriorConfig
from latentlab.errors import InputError, OtherFormatError
from latentlab.storage.model_file import ModelFile, ModelHeader
from latentlab.storage.tensors import Arrays
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
from latentlab.utils.memory import format_bytes

SETTINGS, WEIGHTS = "model_config.json", "model.pt"
HIDDEN = 512
"""Units of the hidden layers of its default networks."""

_LARGEST_SETTINGS, _LARGEST_PICKLE = 1 << 20, 1 << 20
_FINAL = "final_model"
_POSTERIORS = {
    **dict.fromkeys(
        ("VAE", "BetaVAE", "DisentangledBetaVAE", "BetaTCVAE", "INFOVAE_MMD_", "IWAE", "MIWAE"), "diagonal"
    ),
    **dict.fromkeys(("PIWAE", "CIWAE"), "diagonal"),
    **dict.fromkeys(("AE", "WAE_MMD_", "RAE_L2_", "RAE_GP_"), "delta"),
}
"""What its encoder gives, by the name of its settings without ``Config``."""

_RECIPE = """\
# my_vae.py, in a program of your own
from pythae.models import AutoModel
model = AutoModel.load_from_folder({folder!r})
model.encode, model.decode = model.encoder, model.decoder
# then: latentlab adopt my_vae.py:model --out package --image-shape 1,28,28"""


class _Settings(BaseModel):
    """The fields of ``model_config.json`` that say what the networks are; the others are of its training."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    name: Annotated[str, Field(max_length=200)]
    input_dim: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=1, max_length=8)]
    latent_dim: Annotated[int, Field(ge=1, le=4096)]
    uses_default_encoder: bool = True
    uses_default_decoder: bool = True
    reconstruction_loss: str = "mse"
    beta: Annotated[float, Field(ge=0, le=1e9)] = 1.0


def folder_of_pythae(path: Path) -> Path | None:
    """The folder of a model of Pythae, for that folder, a file in it, or the folder of its training."""
    if path.name in (SETTINGS, WEIGHTS) and os.path.isfile(path):
        path = path.parent
    if not os.path.isdir(path):
        return None
    return next(
        (each for each in (path, path / _FINAL) if all(os.path.isfile(each / name) for name in (SETTINGS, WEIGHTS))),
        None,
    )


def refuse_unless_imported(folder: Path) -> None:
    """Refuse to open a folder of Pythae, whose weights are a pickle.

    Raises
    ------
    OtherFormatError
        Always.
    """
    raise OtherFormatError(
        f"{folder} is a model of Pythae, whose {WEIGHTS} is a pickle and is never opened; import it first",
        f"latentlab import {os.fspath(folder)} --out model.safetensors\n"
        f"# or, of networks that are not its default ones, and in a program of your own, a package:\n"
        + "\n".join(_RECIPE.format(folder=os.fspath(folder)).splitlines()[1:]),
    )


def read_settings(folder: Path) -> ModelHeader:
    """The description of a model of Pythae, without its weights.

    A Gaussian likelihood has σ = 1, as ``mse`` has: half the squared error is its negative logarithm up to a constant.

    Raises
    ------
    InputError
        When the networks are not the default ones, or the model is of a kind that is not known.
    """
    path = folder / SETTINGS
    try:
        settings = described(_Settings, json_object(read_bounded(path, _LARGEST_SETTINGS, "settings")))
        kind = settings.name.removesuffix("Config")
        posterior = _POSTERIORS.get(kind)
        if posterior is None:
            known = ", ".join(name.strip("_") for name in _POSTERIORS)
            raise FileContentError(f"name: {shortened(settings.name)!r} is not read, only the models {known}")
        if len(settings.input_dim) != 3 or settings.input_dim[0] > 4:
            raise FileContentError("input_dim: it must be channels, height and width of images, such as [1, 28, 28]")
        if settings.reconstruction_loss not in ("mse", "bce"):
            raise FileContentError(f"reconstruction_loss: {shortened(settings.reconstruction_loss)!r} is not read")
        for part in ("encoder", "decoder"):
            if not getattr(settings, f"uses_default_{part}"):
                raise OtherFormatError(
                    f"{path}: its {part} is code of its own in {part}.pkl, which is never opened; make an ONNX package",
                    _RECIPE.format(folder=os.fspath(folder)),
                )
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    channels, height, width = settings.input_dim
    is_binary = posterior == "diagonal" and settings.reconstruction_loss == "bce"
    likelihood = LikelihoodConfig() if is_binary else LikelihoodConfig(kind="gaussian", mean="sigmoid")
    return ModelHeader(
        model=ModelConfig(
            recipe=f"pythae-{kind.strip('_').lower().replace('_', '-')}",
            latent_dim=settings.latent_dim,
            beta=settings.beta if kind == "BetaVAE" else 1.0,
            architecture=ArchitectureConfig(hidden=HIDDEN),
            posterior=PosteriorConfig(kind="diagonal" if posterior == "diagonal" else "delta"),
            likelihood=likelihood,
        ),
        image_shape=(channels, height, width),
    )


def weight_names(header: ModelHeader) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Our name and the shape of each weight by Pythae's name."""
    pixels, latents = math.prod(header.image_shape), header.model.latent_dim
    layers = {
        "encoder.layers.0.0": ("encoder.layers.0", HIDDEN, pixels),
        "encoder.embedding": ("posterior.mean", latents, HIDDEN),
        "decoder.layers.0.0": ("decoder.layers.0", HIDDEN, latents),
        "decoder.layers.1.0": ("decoder.pixels", pixels, HIDDEN),
    }
    if header.model.posterior.kind == "diagonal":
        layers["encoder.log_var"] = ("posterior.log_std", latents, HIDDEN)
    names: dict[str, tuple[str, tuple[int, ...]]] = {}
    for theirs, (ours, outputs, inputs) in layers.items():
        names[f"{theirs}.weight"] = (f"{ours}.weight", (outputs, inputs))
        names[f"{theirs}.bias"] = (f"{ours}.bias", (outputs,))
    return names


def check_archive(path: Path) -> None:
    """Refuse a ``model.pt`` that is no archive of uncompressed tensors with a small pickle, before it is read.

    Raises
    ------
    InputError
        With the reason.
    """
    with opened_regular(path) as (file, size):
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            raise InputError(f"{path} is not a file of torch.save") from None
    packed = next((entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None or sum(entry.file_size for entry in entries) > size:
        raise InputError(f"{path} unpacks to more than it is, as no file of torch.save does")
    pickled = max((entry.file_size for entry in entries if entry.filename.endswith(".pkl")), default=0)
    if pickled > _LARGEST_PICKLE:
        raise InputError(f"{path}: {format_bytes(pickled)} are too many for the names of its weights")


def converted(folder: Path, header: ModelHeader, weights: Mapping[str, Any]) -> ModelFile:
    """The model file of weights by Pythae's names; the logarithm of a variance becomes that of a standard deviation.

    Raises
    ------
    InputError
        When weights are missing, too many, of another shape, or not finite.
    """
    names = weight_names(header)
    faults = [f"{name} is missing" for name in names if name not in weights]
    faults += [f"{shortened(str(name))} is not one of its weights" for name in weights if name not in names]
    faults += [
        f"{name} is {list(weights[name].shape)} instead of {list(shape)}"
        for name, (_ours, shape) in names.items()
        if name in weights and tuple(weights[name].shape) != shape
    ]
    if faults:
        more = f", and {len(faults) - 3:,} more" if len(faults) > 3 else ""
        raise InputError(f"{folder}: {SETTINGS} and {WEIGHTS} disagree: {'; '.join(faults[:3])}{more}")
    ours: Arrays = {}
    for theirs, (name, _shape) in names.items():
        factor = 0.5 if ".log_var." in theirs else 1.0
        ours[name] = (np.asarray(weights[theirs], np.float32) * np.float32(factor)).astype(np.float32)
    try:
        check_arrays(ours, dict.fromkeys(ours, WEIGHT))
    except FileContentError as fault:
        raise InputError(f"{folder}: {fault}") from None
    known = {"parameters": sum(array.size for array in ours.values())}
    return ModelFile(header.model_copy(update=known), ours)
