"""Whether there is a screen to open a window on (no Qt: Qt aborts the process when there is none)."""

from __future__ import annotations

import os
import re
import socket
import sys

from latentlab.errors import InputError

_NEEDS_NO_SCREEN = ("offscreen", "minimal", "vnc", "linuxfb", "eglfs")
_ADVICE = "the command line needs none: see latentlab train, evaluate, encode, decode --help"


def require_display() -> None:
    """Refuse, in one sentence, to open a window where none can be shown.

    Raises
    ------
    InputError
        On Linux and other X11 systems without a reachable display.
    """
    if sys.platform in ("win32", "darwin"):
        return
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in _NEEDS_NO_SCREEN:
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise InputError(f"no display to open a window on (DISPLAY is not set); {_ADVICE}")
    if not _answers(display):
        raise InputError(f"the display {display!r} does not answer; {_ADVICE}")


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
