"""A model whose functions another process has: what a window needs to find and to describe it (no Qt, no torch).

A file ``NAME.explore`` in a folder of its own, which only its user may enter. The process that wrote it listens there.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from latentlab.config import ModelConfig
from latentlab.config.capabilities import Capabilities
from latentlab.errors import InputError
from latentlab.storage.model_file import ModelHeader
from latentlab.storage.onnx_package import ClassName, Size
from latentlab.storage.validation import Claim, FileContentError, described, json_object, read_bounded

SUFFIX = ".explore"
VERSION = 1
FOLDER = "latentlab-explore-"
"""How the names of the temporary folders begin."""
LARGEST_LATENT = 4096
MOST_CLASSES = 10_000
_LARGEST = 4 << 20


class ExploredDescription(Claim):
    """The content of the file.

    Attributes
    ----------
    name
        For display.
    image_shape, latent_shape
        (C, H, W), and the shape of one latent as the functions take it.
    has_encoder, has_likelihood, has_prior, has_jvp, conditional
        What the functions offer, and whether they take labels.
    classes
        Names of the labels.
    batch_size
        Images that the functions take at a time.
    key
        Known to the two processes alone, hexadecimal.
    process
        The number of the process that has the functions.
    note
        What is remarkable about its first answers, for the user; empty for nothing.
    """

    format: Literal["latentlab-explore"] = "latentlab-explore"
    version: Annotated[int, Field(ge=1, le=2**31)] = VERSION
    name: Annotated[str, Field(max_length=1000)] = ""
    image_shape: Annotated[list[Size], Field(min_length=3, max_length=3)]
    latent_shape: Annotated[list[Size], Field(min_length=1, max_length=3)]
    has_encoder: bool = True
    has_likelihood: bool = False
    has_prior: bool = True
    has_jvp: bool = False
    conditional: bool = False
    classes: Annotated[list[ClassName], Field(max_length=MOST_CLASSES, default_factory=list)]
    batch_size: Annotated[int, Field(ge=1, le=1 << 20)] = 128
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    process: Annotated[int, Field(ge=0)] = 0
    note: Annotated[str, Field(max_length=1000)] = ""

    @property
    def latent_dim(self) -> int:
        """Numbers of a latent."""
        count = 1
        for size in self.latent_shape:
            count *= size
        return count


@dataclass(frozen=True)
class ExploredModel:
    """A description as it was read and checked, and where its process listens."""

    description: ExploredDescription
    path: Path

    @property
    def address(self) -> str:
        """Where the process listens."""
        return address_in(self.path.parent, self.description.key)

    @property
    def capabilities(self) -> Capabilities:
        """What the functions offer."""
        said = self.description
        return Capabilities(said.has_encoder, said.has_likelihood, said.has_prior, said.has_jvp, has_weights=False)

    @property
    def header(self) -> ModelHeader:
        """The description of a model file with this content."""
        said = self.description
        return ModelHeader(
            model=ModelConfig(
                recipe="functions", family="foreign", latent_dim=said.latent_dim, conditional=said.conditional
            ),
            image_shape=(said.image_shape[0], said.image_shape[1], said.image_shape[2]),
            classes=tuple(said.classes),
            sha256=hashlib.sha256(said.key.encode()).hexdigest(),
        )


def is_explored(path: str | Path) -> bool:
    """Whether a path is named like a model of another process."""
    return Path(path).suffix == SUFFIX


def is_of_other_process(source: str) -> bool:
    """Whether a model or dataset lies in the temporary folder of a process that has opened a window."""
    return Path(source).parent.name.startswith(FOLDER)


def address_in(folder: Path, key: str) -> str:
    """Where the process that wrote into a folder listens: a socket in it, on Windows a named pipe."""
    if sys.platform == "win32":
        return rf"\\.\pipe\latentlab-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    return str(folder / "socket")


def read_explored(path: Path) -> ExploredModel:
    """Read a description.

    Raises
    ------
    InputError
        One sentence: when it cannot be read, is of a newer version, or belongs to another user.
    """
    if not os.path.exists(path):
        raise InputError(f"{path.stem} is a model of a Python process that has ended")
    if sys.platform != "win32" and path.parent.stat().st_uid != os.getuid():
        raise InputError(f"{path} belongs to another user")
    try:
        values = json_object(read_bounded(path, _LARGEST, "it"))
        version = values.get("version")
        if type(version) is int and version > VERSION:
            raise InputError(f"{path} was written by a newer latentlab (version {version}; this one reads {VERSION})")
        description = described(ExploredDescription, values)
        if description.latent_dim > LARGEST_LATENT:
            raise FileContentError(f"latent_shape: {description.latent_dim:,} numbers are more than {LARGEST_LATENT:,}")
        if description.image_shape[0] > 4:
            raise FileContentError("image_shape: an image has at most 4 channels")
        if description.conditional and len(description.classes) < 2:
            raise FileContentError("classes: functions that take labels need the names of at least two classes")
    except FileContentError as fault:
        raise InputError(f"{path}: {fault}") from None
    return ExploredModel(description, path)
