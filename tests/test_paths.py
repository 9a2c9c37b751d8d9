from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

from latentlab import paths


def test_row_52_a_user_without_a_home_has_folders_among_the_temporary_files(monkeypatch):
    """As in a container that runs as a user of any number: no HOME, and no entry in the list of users."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(_user):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    folder = Path(tempfile.gettempdir()) / f"latentlab-{os.getuid()}"
    assert paths.cache_folder() == folder / "cache"
    assert paths.runs_folder() == folder / "data" / "runs"
    assert paths.settings_file() == folder / "config" / "window.ini"
