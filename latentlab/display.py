"""Whether there is a screen to open a window on (no Qt: Qt aborts the process when there is none)."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys

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
_X11_LIBRARIES = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
}
_ADVICE = "the command line needs none: see latentlab train, evaluate, encode, decode --help"


def require_display() -> None:
    """Refuse, in one sentence, to open a window where none can be shown.

    Raises
    ------
    InputError
        On Linux and other X11 systems without a reachable display, or without the system libraries Qt needs.
    """
    if sys.platform in ("win32", "darwin"):
        return
    _require(_LIBRARIES)
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in _NEEDS_NO_SCREEN:
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise InputError(f"no display to open a window on (DISPLAY is not set); {_ADVICE}")
    if not _answers(display):
        raise InputError(f"the display {display!r} does not answer; {_ADVICE}")
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


def _answers(display: str) -> bool:
    """Whether an X server listens there."""
    parts = re.fullmatch(r"(?:unix)?([^:]*):(\d+)(?:\.\d+)?", display)
    if parts is None:
        return False
    host, number = parts[1], int(parts[2])
    if host and not host.startswith("/"):
        try:
            socket.create_connection((host, 6000 + number), timeout=2.0).close()
        except OSError:
            return False
        return True
    name = f"/tmp/.X11-unix/X{number}"
    return _listens(name) or _listens("\0" + name)


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
