"""Whether there is a screen to open a window on (no Qt: Qt aborts the process when there is none)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

from latentlab.errors import InputError

_NEEDS_NO_SCREEN = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs")
# What Qt loads at run time and a bare Debian lacks: library, package.
_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
}
_X11 = {"libxcb.so.1": "libxcb1"}
_X11_LIBRARIES = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
}
_ADVICE = "the command line needs none: see latentlab train, evaluate, encode, decode --help"


_PATIENCE = 5.0  # seconds for a server to answer: one on another machine may be slow
_STARTING_ANEW = 0.5  # seconds in which a server that has lost its last client refuses others (measured: 0.12 at most)
_NO_SUCH_NAME = 5  # xcb's XCB_CONN_CLOSED_PARSE_ERR

_held: dict[str, int] = {}
"""Connections that were tried, by display, and stay: an X server that loses its last client starts anew, and would
refuse Qt in that moment."""


def require_display() -> None:
    """Refuse, in one sentence, to open a window where none can be shown.

    Connects to the X server as Qt will, and stays connected as long as the process lives.

    Raises
    ------
    InputError
        On Linux and other X11 systems without a reachable display, or without the system libraries Qt needs.
    """
    if sys.platform in ("win32", "darwin"):
        return
    _require(_LIBRARIES)
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0]
    if platform in _NEEDS_NO_SCREEN:
        return
    if platform != "xcb" and _wayland_answers():
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise InputError(f"no display to open a window on (DISPLAY is not set); {_ADVICE}")
    _require(_X11)
    if display not in _held:
        _held[display] = _connected(display)
    _require(_X11_LIBRARIES)


def _require(libraries: dict[str, str]) -> None:
    missing = [package for library, package in libraries.items() if not _loads(library)]
    if missing:
        raise InputError(f"Qt needs system libraries that are not installed: apt-get install {' '.join(missing)}")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _wayland_answers() -> bool:
    """Whether a Wayland compositor listens where the environment says."""
    name = os.environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), name))
        except OSError:
            return False
    return True


def _connected(display: str) -> int:
    """A connection to an X server.

    Raises
    ------
    InputError
        When there is none to be had.
    """
    end = time.monotonic() + _STARTING_ANEW
    while True:
        connection, fault, reason = _connect(display)
        if not fault:
            return connection
        if fault == _NO_SUCH_NAME:
            raise InputError(f"DISPLAY is {display!r}, which is no display's name; {_ADVICE}")
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    if reason:
        raise InputError(f"the display {display!r} refuses to show a window ({reason}); {_ADVICE}")
    raise InputError(f"the display {display!r} does not answer; {_ADVICE}")


def _connect(display: str) -> tuple[int, int, str]:
    """Try once: the connection, xcb's number for what is wrong (0: nothing), and the server's reason.

    Raises
    ------
    InputError
        When the server takes too long: what it is told to wait for may never come.
    """
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    found: list[int] = []
    # xcb waits without end for the server's greeting, in a thread that does not keep the program from ending.
    attempt = threading.Thread(
        target=lambda: found.append(xcb.xcb_connect(os.fsencode(display), None)), name="latentlab-display", daemon=True
    )
    with _native_errors() as errors:
        attempt.start()
        attempt.join(_PATIENCE)
        errors.seek(0)
        reason = " ".join(errors.read().decode(errors="replace").split()).rstrip(".")
    if not found:
        raise InputError(f"the display {display!r} does not answer; {_ADVICE}")
    (connection,) = found
    fault: int = xcb.xcb_connection_has_error(connection)
    if fault:
        xcb.xcb_disconnect(connection)
    return connection, fault, reason


@contextlib.contextmanager
def _native_errors() -> Iterator[BinaryIO]:
    """What native code writes to the standard error, which is where xcb puts a server's reason."""
    with tempfile.TemporaryFile() as errors:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(errors.fileno(), 2)
        try:
            yield errors
        finally:
            os.dup2(before, 2)
            os.close(before)
