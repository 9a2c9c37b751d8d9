"""What the window remembers, and how it handles a broken settings file."""

from __future__ import annotations

import os

import pytest

from latentlab.state.window_settings import MAX_RECENT, WindowSettings


def test_layout_scheme_and_recent_files_are_restored(tmp_path, qapp):
    settings = WindowSettings(tmp_path / "window.ini")
    settings.set_layout((b"\x00geometry", b"state"))
    settings.set_scheme("dark")
    for number in range(MAX_RECENT + 3):
        settings.add_recent(f"/photos/{number}")
    settings.add_recent("/photos/5")
    settings.flush()
    again = WindowSettings(tmp_path / "window.ini")
    assert again.layout() == (b"\x00geometry", b"state")
    assert again.scheme() == "dark"
    assert again.recent()[:2] == ["/photos/5", f"/photos/{MAX_RECENT + 2}"]
    assert len(again.recent()) == MAX_RECENT
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
    assert settings.recent() == []
    assert settings.scheme() == "system"


def test_values_of_a_wrong_type_are_replaced_by_defaults(tmp_path, qapp):
    path = tmp_path / "window.ini"
    path.write_text("[General]\nrecent=@Invalid()\n[window]\nscheme=pink\ngeometry=7\nstate=8\n")
    settings = WindowSettings(path)
    assert settings.scheme() == "system"
    assert settings.layout() is None
    assert settings.recent() == []


def test_row_13_settings_that_are_a_pipe_are_not_waited_for(tmp_path, qapp):
    os.mkfifo(tmp_path / "window.ini")
    settings = WindowSettings(tmp_path / "window.ini")
    assert settings.set_aside.is_fifo()
    assert settings.recent() == []


def test_names_that_look_like_objects_are_kept_and_endless_ones_left_out(tmp_path, qapp):
    settings = WindowSettings(tmp_path / "window.ini")
    names = ('/"a, @Point(1 2)', "/photos, @Variant(x)", "@Variant(x)", "/photos/@Variant(")
    for source in (*names, "/" + "a" * 5000):
        settings.add_recent(source)
    settings.flush()
    again = WindowSettings(tmp_path / "window.ini")
    assert again.set_aside is None
    assert again.recent() == [*reversed(names)]
