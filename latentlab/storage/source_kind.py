"""Classifies a path or name as a model, session, image or dataset (no Qt, no torch)."""

from __future__ import annotations

from pathlib import Path

from latentlab.errors import InputError
from latentlab.storage.session_file import SUFFIX

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm"}
_MODELS = {
    ".safetensors",
    ".pt",
    ".pth",
    ".ckpt",
    ".bin",
}  # pickles: only to refuse them clearly
_NAMED = ("bundled:", "demo:", "torchvision:")
_RUN_FILES = ("model.safetensors", "checkpoint.safetensors")


def kind_of(source: str) -> str:
    """Return ``model``, ``session``, ``image`` or ``dataset``, from names only."""
    path = Path(source)
    if source.startswith("bundled:") or path.suffix.lower() in _MODELS:
        return "model"
    if source.endswith(SUFFIX):
        return "session"
    if path.is_dir():
        return "model" if any((path / name).is_file() for name in _RUN_FILES) else "dataset"
    return "image" if path.suffix.lower() in IMAGE_SUFFIXES else "dataset"


def require_source(source: str) -> None:
    """Refuse a path that does not exist; names such as ``bundled:…`` and ``demo:…`` are not checked here.

    Raises
    ------
    InputError
        Names the path.
    """
    if not source.startswith(_NAMED) and not Path(source).exists():
        raise InputError(f"there is no file or folder {source!r}, and no such command; see latentlab --help")


def absolute(source: str) -> str:
    """The source to store: a path is made absolute, a name is unchanged."""
    if source.startswith(_NAMED):
        return source
    path = Path(source).expanduser().absolute()
    return str(path.resolve() if ".." in path.parts else path)
