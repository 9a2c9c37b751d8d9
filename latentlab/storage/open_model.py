"""Reads a model of either kind: a model file, or a package of another program."""

from __future__ import annotations

from pathlib import Path

from latentlab.storage import model_file
from latentlab.storage.model_file import ModelFile
from latentlab.storage.onnx_package import is_package, read_package


def read_model(path: str | Path) -> ModelFile:
    """Read a model file or an ONNX package into memory; no code in it is executed.

    Raises
    ------
    InputError
        One sentence: why it is not a model, or that it is damaged or of a newer version.
    """
    path = Path(path)
    if not is_package(path):
        return model_file.read_model(path)
    package = read_package(path)
    return ModelFile(package.header, {}, package=package)
