"""Classifies a path or name as a model, session, image or dataset (no Qt, no torch)."""

from __future__ import annotations

import os
from pathlib import Path

from latentlab.errors import InputError
from latentlab.storage.explored_model import is_explored
from latentlab.storage.open_model import is_foreign
from latentlab.storage.other_formats import REFUSED
from latentlab.storage.session_file import SUFFIX
from latentlab.utils.file_formats import array_in_file
from latentlab.utils.source_names import NAMED, expand, parts_of
from latentlab.utils.tiff_pages import is_tiff_stack

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm"}
_STACKS = (".tif", ".tiff")
_MODELS = {".safetensors", ".onnx"} | REFUSED
RUN_FILES = ("model.safetensors", "checkpoint.safetensors")


def kind_of(source: str) -> str:
    """Return ``model``, ``session``, ``image`` or ``dataset``, from names; a TIFF of several images is a dataset."""
    path = Path(source)
    if len(parts_of(source)) > 1:
        return "dataset"
    is_model = path.suffix.lower() in _MODELS or is_explored(path)
    if source.startswith("bundled:") or is_model or is_foreign(path):
        return "model"
    if source.endswith(SUFFIX):
        return "session"
    if os.path.isdir(path):
        return "model" if any(os.path.isfile(path / name) for name in RUN_FILES) else "dataset"
    suffix = path.suffix.lower()
    if suffix in _STACKS and is_tiff_stack(path):
        return "dataset"
    return "image" if suffix in IMAGE_SUFFIXES else "dataset"


def require_source(source: str) -> None:
    """Refuse a path that does not exist; names such as ``bundled:…`` and ``demo:…`` are not checked here.

    Raises
    ------
    InputError
        Names the path.
    """
    paths = (path for part in parts_of(source) for path in expand(part) if not path.startswith(NAMED))
    absent = next((path for path in paths if not os.path.exists(array_in_file(path)[0])), None)
    if absent is not None:
        raise InputError(f"there is no file or folder {absent!r}, and no such command; see latentlab --help")
