"""The window's connection to the process that computes its model: it reports the Board, and may be closed (no Qt)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from latentlab.errors import InputError
from latentlab.foreign.frames import FrameError, PeerGoneError, receive, send
from latentlab.foreign.remote_functions import connect
from latentlab.storage.explored_model import read_explored

_FLUSH_SECONDS = 5.0


class WindowLink:
    """Sends the newest report, and receives the wish to close; all in a thread of its own.

    Parameters
    ----------
    path
        The description of the model.
    on_close
        Called, in that thread, when the other process asks the window to close.
    on_gone
        Called there when that process has ended.
    """

    def __init__(self, path: str, on_close: Callable[[], None], on_gone: Callable[[], None]) -> None:
        self._path, self._on_close, self._on_gone = path, on_close, on_gone
        self._lock = threading.Lock()
        self._newest: tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]] | None = None
        self._is_closing = False
        self._woken, self._waker = Pipe(duplex=False)
        self._thread = threading.Thread(target=self._run, name="latentlab-explore", daemon=True)
        self._thread.start()

    def report(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Send a report soon; a newer one replaces it."""
        with self._lock:
            self._newest = header, arrays
        self._wake()

    def close(self) -> None:
        """Send what is left, and end; waits for a short time at most."""
        self._is_closing = True
        self._wake()
        self._thread.join(_FLUSH_SECONDS)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send_bytes(b"w")

    def _run(self) -> None:
        try:
            connection = connect(read_explored(Path(self._path)), "window")
        except InputError:
            if not self._is_closing:
                self._on_gone()
            self._close_pipe()
            return
        try:
            while True:
                self._send_newest(connection)
                if self._is_closing:
                    return
                ready = wait([connection, self._woken])
                if self._woken in ready:
                    self._woken.recv_bytes()
                if connection in ready:
                    header, _ = receive(connection, 0)
                    if header.get("do") == "close":
                        self._on_close()
        except (PeerGoneError, FrameError, OSError, EOFError):
            if not self._is_closing:
                self._on_gone()
        finally:
            connection.close()
            self._close_pipe()

    def _send_newest(self, connection: Any) -> None:
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is not None:
            send(connection, *newest)

    def _close_pipe(self) -> None:
        self._woken.close()
        self._waker.close()
