"""Paths: resources shipped with the program, and the platform's folders for its files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

DEFAULT_MODEL = "bundled:mnist-2d"
"""What the window opens by default."""
CACHE_VARIABLE, CACHE_SIZE_VARIABLE = "LATENTLAB_CACHE", "LATENTLAB_CACHE_GB"
"""Environment variables: the cache's folder, an absolute path, and its greatest size in GB."""

HOME_VARIABLE = "LATENTLAB_HOME"
"""Environment variable: a folder in which cache, data and settings are kept."""

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Path of a shipped file, ``resource("models", "mnist-2d.safetensors")``.

    An installed wheel has ``resources`` inside the package, a checkout beside it.
    """
    inside = _PACKAGE / "resources"
    return (inside if os.path.isdir(inside) else _PACKAGE.parent / "resources").joinpath(*parts)


def cache_folder() -> Path:
    """The cache folder for latentlab (not created): the one that ``LATENTLAB_CACHE`` names, or the platform's."""
    named = os.environ.get(CACHE_VARIABLE, "")
    return Path(named) if os.path.isabs(named) else _user_folder(platformdirs.user_cache_path, "cache")


def data_folder() -> Path:
    """The platform's data folder for latentlab: sessions, autosaves, logs (not created)."""
    return _user_folder(platformdirs.user_data_path, "data")


def runs_folder() -> Path:
    """Where the window creates run folders (not created)."""
    return data_folder() / "runs"


def settings_file() -> Path:
    """Where the window keeps its geometry and recent files (not created)."""
    return _user_folder(platformdirs.user_config_path, "config") / "window.ini"


def preferences_file() -> Path:
    """Where the window keeps the preferences (not created)."""
    return settings_file().with_name("preferences.json")


def _user_folder(find: Callable[..., Path], kind: str) -> Path:
    """A folder of the user's own; among the temporary files for a user without a home, as in many containers.

    The environment variable ``LATENTLAB_HOME`` names another folder for all of them.
    """
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home) / kind
    try:
        return find("latentlab", appauthor=False)
    except RuntimeError:  # neither HOME nor an entry in the list of users
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"latentlab-{user}" / kind
