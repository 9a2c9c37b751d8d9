"""Reads a model of any kind: a model file, an ONNX package, an autoencoder of diffusers, a model of another process."""

from __future__ import annotations

import os
from pathlib import Path

from latentlab.errors import InputError, OtherFormatError
from latentlab.storage import model_file
from latentlab.storage.diffusers_folder import folder_of_diffusers, read_diffusers
from latentlab.storage.explored_model import is_explored, read_explored
from latentlab.storage.latent_table import read_latent_table
from latentlab.storage.model_file import ModelFile
from latentlab.storage.onnx_package import is_package, package_of, read_package
from latentlab.storage.other_formats import recipe_of, refuse_other_formats
from latentlab.storage.pythae_folder import folder_of_pythae, refuse_unless_imported
from latentlab.storage.tensors import NOT_A_MODEL

_TABLES = (".npz", ".csv", ".tsv", ".parquet")


def is_table(path: Path) -> bool:
    """Whether a path is a table of latents, by the names of its arrays or columns."""
    if path.suffix.lower() not in _TABLES:
        return False
    from latentlab.data.latent_tables import is_latent_table  # few models are tables

    return is_latent_table(path)


def is_foreign(path: Path) -> bool:
    """Whether a path is an ONNX package, a folder of diffusers or Pythae, a file in one of these, or a table."""
    is_folder = folder_of_diffusers(path) is not None or folder_of_pythae(path) is not None
    return is_folder or is_package(package_of(path)) or is_table(path)


def read_model(path: str | Path) -> ModelFile:
    """Read a model into memory; no code in it is executed.

    Parameters
    ----------
    path
        A model file, an ONNX package, a folder of an autoencoder of diffusers, a table of latents, or what describes a
        model of another process.

    Raises
    ------
    InputError
        One sentence: why it is not a model, or that it is damaged or of a newer version. For files that other programs
        open, an ``OtherFormatError`` with a recipe.
    """
    path = Path(path)
    if is_explored(path):
        explored = read_explored(path)
        return ModelFile(explored.header, {}, package=explored)
    if is_table(path):
        table = read_latent_table(path)
        return ModelFile(table.header, {}, table.points, package=table)
    if is_package(path):
        package = read_package(path)
        return ModelFile(package.header, {}, package=package)
    if os.path.isdir(path) and folder_of_diffusers(path) is not None:
        return read_diffusers(path)
    if (folder := folder_of_pythae(path)) is not None:
        refuse_unless_imported(folder)
    refuse_other_formats(path)
    try:
        return model_file.read_model(path)
    except InputError as error:
        recipe = recipe_of(path) if NOT_A_MODEL in str(error) else ""
        if not recipe:
            raise
        raise OtherFormatError(str(error), recipe) from None
