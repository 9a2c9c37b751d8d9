"""Where things lie: what is shipped with the program, and the platform's folders for what it makes."""

from __future__ import annotations

from pathlib import Path

import platformdirs

DEFAULT_MODEL = "bundled:mnist-2d"
"""What the window opens when nothing is named."""

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped file, ``resource("models", "mnist-2d.safetensors")``.

    An installed wheel carries ``resources`` inside the package, a checkout beside it.
    """
    inside = _PACKAGE / "resources"
    return (inside if inside.is_dir() else _PACKAGE.parent / "resources").joinpath(*parts)


def cache_folder() -> Path:
    """The platform's cache folder for latentlab (not made)."""
    return platformdirs.user_cache_path("latentlab", appauthor=False)


def data_folder() -> Path:
    """The platform's data folder for latentlab: sessions, autosaves, logs (not made)."""
    return platformdirs.user_data_path("latentlab", appauthor=False)


def runs_folder() -> Path:
    """Where the window puts new run folders (not made)."""
    return data_folder() / "runs"


def settings_file() -> Path:
    """Where the window keeps its geometry and recent files (not made)."""
    return platformdirs.user_config_path("latentlab", appauthor=False) / "window.ini"
