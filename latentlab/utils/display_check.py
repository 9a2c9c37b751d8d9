"""Whether there is a display for a window (no Qt: Qt aborts the process if there is none)."""

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
# Libraries that Qt loads at run time and a minimal Debian lacks, with their packages.
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
_ADVICE = "the command line needs no display: see latentlab train, evaluate, encode, decode --help"


_TIMEOUT = 5.0  # seconds for a server to answer: one on another machine may be slow
_RESET_SECONDS = 0.5  # in which a server that has lost its last client refuses others (measured: 0.12 at most)
_NO_SUCH_NAME = 5  # xcb's XCB_CONN_CLOSED_PARSE_ERR

_held: dict[str, int] = {}
"""Open connections by display: an X server that loses its last client resets, and would refuse Qt at that moment."""


def require_display() -> None:
    """Raise an error if no window can be shown.

    Connects to the X server like Qt, and keeps the connection until the process ends.

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
        raise InputError(f"no display for a window (DISPLAY is not set); {_ADVICE}")
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
    """Whether a Wayland compositor listens at the address in the environment."""
    name = os.environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT)
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
        When it cannot be made.
    """
    end = time.monotonic() + _RESET_SECONDS
    while True:
        connection, fault, reason = _connect(display)
        if not fault:
            return connection
        if fault == _NO_SUCH_NAME:
            raise InputError(f"DISPLAY is {display!r}, which is not the name of a display; {_ADVICE}")
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    if reason:
        raise InputError(f"the display {display!r} refuses to show a window ({reason}); {_ADVICE}")
    raise InputError(f"the display {display!r} does not answer; {_ADVICE}")


def _connect(display: str) -> tuple[int, int, str]:
    """Try once; returns the connection, xcb's error number (0: none), and the server's reason.

    Raises
    ------
    InputError
        When the server does not answer in time.
    """
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    found: list[int] = []
    # xcb waits forever for the server's greeting: in a thread that does not keep the program from ending.
    attempt = threading.Thread(
        target=lambda: found.append(xcb.xcb_connect(os.fsencode(display), None)), name="latentlab-display", daemon=True
    )
    with _native_errors() as errors:
        attempt.start()
        attempt.join(_TIMEOUT)
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
    """Captures what native code writes to stderr: xcb writes the server's reason there."""
    with tempfile.TemporaryFile() as errors:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(errors.fileno(), 2)
        try:
            yield errors
        finally:
            os.dup2(before, 2)
            os.close(before)
