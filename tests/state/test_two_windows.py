"""Two windows change recent files, lessons, shortcuts and preferences at once: none loses what the other has set."""

from __future__ import annotations

import subprocess
import sys

from latentlab.state.preference_store import PreferenceStore
from latentlab.state.window_settings import WindowSettings
from latentlab.storage.preferences_file import read_preferences

WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from latentlab.state.preference_store import PreferenceStore
from latentlab.state.window_settings import WindowSettings

name, folder = sys.argv[1], Path(sys.argv[2])
application = QCoreApplication([])
settings = WindowSettings(folder / "window.ini")
store = PreferenceStore(settings, folder / "preferences.json")
shortcuts = settings.shortcuts()
print("ready", flush=True)
for number in range(5):
    sys.stdin.readline()
    settings.add_recent("model", f"/{name}{number}")
    settings.add_lesson_done(f"{name}{number}")
    shortcuts[f"{name}{number}"] = f"Ctrl+Alt+{number}"
    settings.set_shortcuts(shortcuts)
    group, changes = ("runs", {"threads": number}) if name == "a" else ("cache", {"gigabytes": number + 1})
    part = getattr(store.value, group).model_copy(update=changes)
    store.set(store.value.model_copy(update={group: part}))
    print("ready", flush=True)
"""


def test_row_12_two_processes_that_change_the_same_files_at_once_lose_nothing(tmp_path, qapp):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    windows = [subprocess.Popen([sys.executable, "-c", WINDOW, name, str(tmp_path)], **pipes) for name in "ab"]
    try:
        for number in range(6):
            assert [window.stdout.readline() for window in windows] == ["ready\n", "ready\n"]
            for window in windows if number < 5 else ():
                window.stdin.write("\n")
                window.stdin.flush()
        assert [window.wait(60) for window in windows] == [0, 0]
    finally:
        for window in windows:
            window.kill()
            window.communicate()
    names = {f"{name}{number}" for name in "ab" for number in range(5)}
    settings = WindowSettings(tmp_path / "window.ini")
    assert settings.set_aside is None
    assert set(settings.recent("model")) == {f"/{name}" for name in names}
    assert settings.lessons_done() == names
    assert settings.shortcuts().keys() == names
    found = read_preferences(tmp_path / "preferences.json")
    assert (found.runs.threads, found.cache.gigabytes) == (4, 5)
    assert PreferenceStore(settings, tmp_path / "preferences.json").fault == ""


def test_a_shortcut_that_one_window_resets_stays_reset_and_the_other_window_keeps_its_own(tmp_path, qapp):
    one, two = (WindowSettings(tmp_path / "window.ini") for _ in range(2))
    one.set_shortcuts({"train": "Ctrl+G", "stop": "Ctrl+J"})
    two.shortcuts()
    two.set_shortcuts({"train": "Ctrl+G", "stop": "Ctrl+J", "keep": ""})
    one.set_shortcuts({"train": "Ctrl+G"})
    assert WindowSettings(tmp_path / "window.ini").shortcuts() == {"train": "Ctrl+G", "keep": ""}


def test_a_lesson_is_remembered_when_a_file_lists_as_many_as_are_read(tmp_path, qapp):
    many = ", ".join(f"a{number}" for number in range(600))
    (tmp_path / "window.ini").write_text(f"[lessons]\ndone={many}\n")
    settings = WindowSettings(tmp_path / "window.ini")
    settings.add_lesson_done("pixels")
    assert "pixels" in WindowSettings(tmp_path / "window.ini").lessons_done()
