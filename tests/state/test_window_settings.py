"""What the window remembers, and how it handles a broken settings file."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from latentlab.state.window_settings import MAX_RECENT, WindowSettings


def test_layout_scheme_and_recent_files_are_restored(tmp_path, qapp):
    settings = WindowSettings(tmp_path / "window.ini")
    settings.set_layout((b"\x00geometry", b"state"))
    settings.set_scheme("dark")
    for number in range(MAX_RECENT + 3):
        settings.add_recent("dataset", f"/photos/{number}")
    settings.add_recent("dataset", "/photos/5")
    settings.add_lesson_done("pixels")
    settings.add_lesson_done("collapse")
    settings.flush()
    again = WindowSettings(tmp_path / "window.ini")
    assert again.lessons_done() == {"pixels", "collapse"}
    assert again.layout() == (b"\x00geometry", b"state")
    assert again.scheme() == "dark"
    assert again.recent("dataset")[:2] == ["/photos/5", f"/photos/{MAX_RECENT + 2}"]
    assert len(again.recent("dataset")) == MAX_RECENT
    assert again.recent("model") == []
    assert again.set_aside is None


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\xff" * 500,
        b"[window\nscheme==\x00",
        b"[window]\ngeometry=@Variant(\\0\\0\\0\\x46)",
        b"[General]\nrecent=/a, @DateTime(\\0)",
        b"[General]\nrecent=/" + b"a" * (1 << 20),
        b'[General]\nrecent=/a, "@DateTime(\\0)"',
        b"[General]\nrecent=\\x40Point(1 2)",
        b"[General]\nrecent=/a,@\\120oint(1 2)",
        b'[General]\nrecent=""@Point(1 2)',
        b'[General]\nrecent=\\", @Point(1 2), \\"',
        b'[General]\nother="x\nrecent=", @Point(1 2), "',
        b"[General]\nrecent=/a\\\n,@Point(1 2)",
    ],
    ids=[
        "bytes",
        "section",
        "object",
        "object in a list",
        "size",
        "object in quotes",
        "escaped object",
        "object with an escape",
        "object after quotes",
        "object between escaped quotes",
        "object between lines",
        "object in a continued line",
    ],
)
def test_row_13_corrupt_settings_are_backed_up_and_replaced_by_defaults(tmp_path, qapp, content):
    path = tmp_path / "window.ini"
    path.write_bytes(content)
    settings = WindowSettings(path)
    assert settings.set_aside.read_bytes() == content
    assert settings.layout() is None
    assert settings.take_old_recent() == []
    assert settings.recent("dataset") == []
    assert settings.scheme() == "system"


def test_values_of_a_wrong_type_are_replaced_by_defaults(tmp_path, qapp):
    path = tmp_path / "window.ini"
    path.write_text("[General]\nrecent=@Invalid()\n[window]\nscheme=pink\ngeometry=7\nstate=8\n")
    settings = WindowSettings(path)
    assert settings.scheme() == "system"
    assert settings.layout() is None
    assert settings.take_old_recent() == []
    assert settings.recent("dataset") == []


def test_row_13_settings_that_are_a_pipe_are_not_waited_for(tmp_path, qapp):
    os.mkfifo(tmp_path / "window.ini")
    settings = WindowSettings(tmp_path / "window.ini")
    assert settings.set_aside.is_fifo()
    assert settings.take_old_recent() == []
    assert settings.recent("dataset") == []


def test_names_that_look_like_objects_are_kept_and_endless_ones_left_out(tmp_path, qapp):
    settings = WindowSettings(tmp_path / "window.ini")
    names = ('/"a, @Point(1 2)', "/photos, @Variant(x)", "@Variant(x)", "/photos/@Variant(")
    for source in (*names, "/" + "a" * 5000):
        settings.add_recent("dataset", source)
    settings.flush()
    again = WindowSettings(tmp_path / "window.ini")
    assert again.set_aside is None
    assert again.recent("dataset") == [*reversed(names)]


def test_row_12_two_windows_keep_each_others_recent_files(tmp_path, qapp):
    one, two = (WindowSettings(tmp_path / "window.ini") for _ in range(2))
    one.add_recent("model", "/a")
    two.add_recent("model", "/b")
    one.add_recent("model", "/c")
    one.set_scheme("dark")
    two.set_layout((b"geometry", b"state"))
    for settings in (one, two):
        settings.flush()
    again = WindowSettings(tmp_path / "window.ini")
    assert again.recent("model") == ["/c", "/b", "/a"]
    assert (again.scheme(), again.layout()) == ("dark", (b"geometry", b"state"))


ADD = """
import sys
from PySide6.QtCore import QCoreApplication
from pathlib import Path
from latentlab.state.window_settings import WindowSettings
application = QCoreApplication([])
settings = WindowSettings(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    settings.add_recent("model", f"/{sys.argv[2]}/{number}")
"""


def test_row_12_two_processes_that_add_at_once_lose_nothing(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    path = str(tmp_path / "window.ini")
    windows = [subprocess.Popen([sys.executable, "-c", ADD, path, name], **pipes) for name in "ab"]
    for window in windows:
        assert window.stdout.readline() == "ready\n"
    for window in windows:
        window.stdin.write("\n")
        window.stdin.flush()
    for window in windows:
        window.communicate()
    found = WindowSettings(tmp_path / "window.ini").recent("model")
    assert sorted(found) == sorted(f"/{name}/{number}" for name in "ab" for number in range(4))


def test_the_recent_files_of_an_older_version_are_taken_over_once(tmp_path, qapp):
    path = tmp_path / "window.ini"
    path.write_text("[General]\nrecent=/a, /b\n")
    settings = WindowSettings(path)
    assert settings.take_old_recent() == ["/a", "/b"]
    assert settings.take_old_recent() == []


def test_changed_shortcuts_are_kept_and_checked(tmp_path):
    path = tmp_path / "settings.ini"
    settings = WindowSettings(path)
    settings.set_shortcuts({"actionTrain": "Ctrl+J", "actionUndo": ""})
    settings.set_shortcuts({"actionUndo": "", "actionStop": "Ctrl+G", "long": "x" * 1000})
    settings.flush()
    assert WindowSettings(path).shortcuts() == {"actionUndo": "", "actionStop": "Ctrl+G"}


def test_the_hints_of_the_first_start_are_remembered(tmp_path):
    path = tmp_path / "settings.ini"
    settings = WindowSettings(path)
    assert not settings.has_seen_tour()
    settings.set_tour_seen()
    settings.flush()
    assert WindowSettings(path).has_seen_tour()
