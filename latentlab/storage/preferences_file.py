"""The file of preferences: versioned JSON, the same for the program's own and for one that is exported (no Qt)."""

from __future__ import annotations

import json
from pathlib import Path

from latentlab.config.preferences import PREFERENCES_VERSION, Preferences
from latentlab.errors import InputError, NewerFileError
from latentlab.storage.atomic import atomic_write
from latentlab.storage.validation import FileContentError, described, json_object, read_bounded

_LARGEST_FILE = 1 << 16  # bytes


def read_preferences(path: Path) -> Preferences:
    """Read a file of preferences.

    Raises
    ------
    InputError
        One sentence: it does not exist, is no such file, or has a value that cannot be; a ``NewerFileError`` if it is
        of a newer latentlab.
    """
    data = read_bounded(path, _LARGEST_FILE, "preferences")
    try:
        values = json_object(data)
        version = values.pop("latentlab_preferences", None)
        if type(version) is not int or version < 1:
            raise FileContentError("latentlab_preferences: it is missing")
        if version > PREFERENCES_VERSION:
            raise NewerFileError(f"{path}: preferences of a newer latentlab (version {version}); they stay as they are")
        return described(Preferences, values)
    except FileContentError as fault:
        raise InputError(f"{path}: not preferences of latentlab: {fault}") from None


def write_preferences(path: Path, preferences: Preferences) -> None:
    """Write atomically; raises ``LatentlabError`` when writing fails."""
    values = {"latentlab_preferences": PREFERENCES_VERSION, **preferences.model_dump(mode="json")}
    atomic_write(path, (json.dumps(values, indent=2) + "\n").encode())
