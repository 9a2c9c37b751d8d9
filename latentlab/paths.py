"""Paths: resources shipped with the program, and the platform's folders for its files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

DEFAULT_MODEL = "bundled:mnist-2d"
"""What the window opens by default."""

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped file, ``resource("models", "mnist-2d.safetensors")``.

    An installed wheel has ``resources`` inside the package, a checkout beside it.
    """
    inside = _PACKAGE / "resources"
    return (inside if os.path.isdir(inside) else _PACKAGE.parent / "resources").joinpath(*parts)


def cache_folder() -> Path:
    """The platform's cache folder for latentlab (not created)."""
    return platformdirs.user_cache_path("latentlab", appauthor=False)


def data_folder() -> Path:
    """The platform's data folder for latentlab: sessions, autosaves, logs (not created)."""
    return platformdirs.user_data_path("latentlab", appauthor=False)


def runs_folder() -> Path:
    """Where the window creates run folders (not created)."""
    return data_folder() / "runs"


def settings_file() -> Path:
    """Where the window keeps its geometry and recent files (not created)."""
    return platformdirs.user_config_path("latentlab", appauthor=False) / "window.ini"
