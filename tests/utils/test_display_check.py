"""No screen: one line that says so, and never an abort (reliability row 36)."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

import pytest

from latentlab.errors import InputError
from latentlab.utils import display_check as module
from latentlab.utils.display_check import require_display

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="displays are X11's and Wayland's")


@pytest.fixture
def asked(monkeypatch):
    """Sets DISPLAY; nothing else says where windows go."""
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return lambda display: monkeypatch.setenv("DISPLAY", display)


@pytest.fixture
def server():
    """Makes displays that handle each connection as specified."""
    with contextlib.ExitStack() as stack:

        def made(answer):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            number = listening.getsockname()[1] - 6000

            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        answer(stack.enter_context(listening.accept()[0]))

            thread = threading.Thread(target=serve, name="display")
            thread.start()
            stack.callback(thread.join)
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return f"127.0.0.1:{number}"

        yield made


def refuse(client):
    """Answer a client's greeting as an X server does that does not let it in."""
    client.recv(100)
    reason = b"No protocol specified\n"
    text = reason + b"\0" * (-len(reason) % 4)
    client.sendall(struct.pack("=BBHHH", 0, len(reason), 11, 0, len(text) // 4) + text)


def refused(says):
    with pytest.raises(InputError, match=says) as caught:
        require_display()
    assert "\n" not in str(caught.value)
    assert "latentlab train" in str(caught.value)


@pytest.mark.parametrize(
    ("display", "says"), [("", "no display"), (":4077", "':4077' does not answer"), ("?", "not the name of a display")]
)
def test_row_36_a_missing_display_is_reported_in_one_line(asked, display, says):
    asked(display)
    refused(says)


def test_row_36_a_server_that_closes_the_connection(asked, server, capfd):
    asked(server(lambda client: client.close()))
    refused("does not answer")
    assert capfd.readouterr().err == ""


def test_row_36_a_server_that_never_answers_is_not_waited_for_forever(asked, server, monkeypatch):
    monkeypatch.setattr(module, "_TIMEOUT", 0.2)
    asked(server(lambda client: None))
    refused("does not answer")


def test_row_36_the_reason_of_a_server_that_refuses_is_quoted(asked, server, capfd):
    asked(server(refuse))
    refused(r"refuses to show a window \(No protocol specified\)")
    assert capfd.readouterr().err == "", "one line, not two"


def test_row_36_a_compositor_that_does_not_listen_is_no_display(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    asked("")
    refused("no display")


def test_row_36_the_program_exits_with_2():
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    command = [sys.executable, "-m", "latentlab"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("latentlab: error: no display")
    assert "latentlab train" in line


SHOWN = """
import sys
from latentlab.utils.display_check import require_display
for _ in range(40):
    require_display()
    from PySide6.QtGui import QGuiApplication
    app = QGuiApplication([])
    assert app.platformName() == "xcb"
    app.shutdown()
print("shown")
"""


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_a_server_that_resets_after_its_last_client_never_refuses_qt(tmp_path):
    """The first connection stays open; without it one start in thirty was refused, and Qt aborted."""
    receiver, sender = os.pipe()
    command = ["Xvfb", "-displayfd", str(sender), "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    screen = subprocess.Popen(command, pass_fds=(sender,), stderr=subprocess.DEVNULL)
    os.close(sender)
    try:
        with os.fdopen(receiver) as numbers:
            display = f":{numbers.readline().strip()}"
        environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        done = subprocess.run(
            [sys.executable, "-c", SHOWN], capture_output=True, text=True, env=environment, check=False
        )
        assert done.stdout.strip() == "shown", done.stderr
    finally:
        screen.terminate()
        screen.wait()
