"""The files in which the window keeps what the user has set: spoilt preferences, shortcuts, recent files, lessons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.fuzz.mutations import HOSTILE_TEXTS, spoilt_bytes, spoilt_json, spoilt_text

if TYPE_CHECKING:
    from latentlab.state.window_settings import WindowSettings

Files = dict[str, bytes]

_SHORTCUTS = "[shortcuts]\nsaveImage= Ctrl+Alt+S \nkeep= Ctrl+K, Ctrl+L \nundo=\nnothing= Del \nredo= Ctrl+Alt+S \n"
_RECENT = (
    "[General]\nrecent= /photos/1 , /photos/2\n[recent]\nmodel= /m.safetensors , bundled:mnist-2d\n"
    "dataset= /photos/a|/photos/b \nsession= /s.latentlab.json \nrun= /runs/1 \nimage= /one.png\n"
)
_LESSONS = "[lessons]\ndone= pixels , collapse , manifold\n[window]\ntour= true \n"


def preferences_files() -> st.SearchStrategy[Files]:
    """Spoilt files of preferences."""
    from latentlab.config.preferences import PREFERENCES_VERSION, Preferences

    values = {"latentlab_preferences": PREFERENCES_VERSION, **Preferences().model_dump(mode="json")}
    data = json.dumps(values).encode()
    spoilt = spoilt_json(values).map(lambda each: json.dumps(each).encode("utf-8", "replace")) | spoilt_bytes(data)
    return spoilt.map(lambda content: {"preferences.json": content})


def read_preferences_files(folder: Path) -> None:
    """Import the preferences, and start a window's store with them, which changes them and starts again."""
    from latentlab.config.preferences import Preferences
    from latentlab.errors import LatentlabError
    from latentlab.state.preference_store import PreferenceStore
    from latentlab.storage.preferences_file import read_preferences, write_preferences

    path = folder / "preferences.json"
    settings = _settings(folder / "window.ini")
    before = path.read_bytes()
    try:
        store = PreferenceStore(settings, path)
    except LatentlabError as error:
        raise AssertionError("the window does not start") from error
    if store.fault and (folder / "preferences.json.bad").exists():
        assert (folder / "preferences.json.bad").read_bytes() == before
        assert store.value == Preferences()
    runs = store.value.runs.model_copy(update={"threads": 1 + store.value.runs.threads % 2})
    store.set(store.value.model_copy(update={"runs": runs}))
    if path.exists() and path.read_bytes() != before:
        assert PreferenceStore(settings, path).value.runs == runs
    (folder / "again.json").write_bytes(before)
    imported = read_preferences(folder / "again.json")
    write_preferences(folder / "again.json", imported)
    assert read_preferences(folder / "again.json") == imported


def shortcuts_files() -> st.SearchStrategy[Files]:
    """Settings with spoilt shortcuts."""
    return _ini(_SHORTCUTS)


def read_shortcuts(folder: Path) -> None:
    """Apply the shortcuts to menus as the window does: each action has at most one, and no two have the same."""
    from PySide6.QtWidgets import QMainWindow

    from latentlab.gui.action_text import describe
    from latentlab.gui.shortcuts import Shortcuts

    settings = _settings(folder / "window.ini")
    window = QMainWindow()
    menu = window.menuBar().addMenu("&File")
    for name, keys in (("saveImage", "Ctrl+Alt+I"), ("keep", "Ctrl+D"), ("undo", "Ctrl+Z"), ("redo", "Ctrl+Y")):
        action = menu.addAction(name)
        action.setObjectName(name)
        action.setShortcut(keys)
        describe(action, f"About {name}")
    shortcuts = Shortcuts(window.menuBar(), {}, window)
    shortcuts.apply(settings.shortcuts())
    keys = [action.shortcut() for _, action in shortcuts.actions().values() if not action.shortcut().isEmpty()]
    assert all(each.count() == 1 for each in keys)
    assert len({each.toString() for each in keys}) == len(keys)
    settings.set_shortcuts(shortcuts.own())
    settings.flush()
    assert _settings(folder / "window.ini").shortcuts() == shortcuts.own()
    window.deleteLater()


def recent_files() -> st.SearchStrategy[Files]:
    """Settings with spoilt lists of recent files."""
    many = ", ".join(f" /photos/{number} " for number in range(12))
    return _ini(_RECENT) | _ini(_RECENT + f"dataset= {many}\n")


def read_recent(folder: Path) -> None:
    """Read the lists, look which sources are there, and add to each."""
    from latentlab.state.window_settings import MAX_RECENT, RECENT_KINDS
    from latentlab.storage.session_places import exists
    from latentlab.storage.source_kind import kind_of
    from latentlab.utils.source_names import parts_of

    settings = _settings(folder / "window.ini")
    for source in settings.take_old_recent():
        assert kind_of(source) in RECENT_KINDS
    for kind in RECENT_KINDS:
        sources = settings.recent(kind)
        assert len(sources) <= MAX_RECENT
        for source in sources:
            all(map(exists, parts_of(source)))
            kind_of(source)
        settings.add_recent(kind, "/new")
        assert settings.recent(kind)[0] == "/new"
        assert set(settings.recent(kind)) <= {"/new", *sources}


def lessons_files() -> st.SearchStrategy[Files]:
    """Settings with a spoilt list of the lessons that were done."""
    many = ", ".join(f" lesson-{number} " for number in range(600))
    return _ini(_LESSONS) | _ini(_LESSONS + f"[lessons]\ndone= {many} , {'x' * 41}\n")


def read_lessons(folder: Path) -> None:
    """Read the progress, show it, and add to it."""
    settings = _settings(folder / "window.ini")
    done = settings.lessons_done()
    assert len(done) <= 500
    assert all(len(name) <= 40 for name in done)
    settings.has_seen_tour()
    settings.add_lesson_done("pixels")
    settings.flush()
    again = _settings(folder / "window.ini").lessons_done()
    assert "pixels" in again
    assert len(again - done) <= 1


def _ini(text: str) -> st.SearchStrategy[Files]:
    long = st.sampled_from([*HOSTILE_TEXTS, "@Invalid()", "@Point(1 2)", "\\x0", "/", "a, a", "Ctrl+"]).map(
        lambda each: each.encode("utf-8", "replace")
    )
    keyed = long.map(lambda each: text.encode() + each + b"= 1 \n")
    return (spoilt_text(text) | spoilt_text(text) | keyed).map(lambda data: {"window.ini": data})


def _settings(path: Path) -> WindowSettings:
    from PySide6.QtWidgets import QApplication

    from latentlab.state.window_settings import WindowSettings

    global _application
    _application = QApplication.instance() or QApplication([])
    return WindowSettings(path)


_application: object = None
"""Kept: Qt's objects need one as long as there are any."""
