"""Answers windows and workers from the process that has the functions, in threads of its own (no torch, no Qt)."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentlab.errors import InputError
from latentlab.foreign.frames import Arrays, FrameError, PeerGoneError, receive, send
from latentlab.foreign.protocol import ModelProtocol

_LARGEST_REQUEST = 1 << 30  # bytes
_LARGEST_REPORT = 1 << 30
_DRAIN_SECONDS = 5.0
_JOIN_SECONDS = 1.0

Report = Callable[[dict[str, Any], Arrays], None]


class ModelServer:
    """Listens for a window and its worker, and answers the worker with a model's functions.

    The functions are called in a thread of the server. Both others are processes of the same user that know the key.

    Parameters
    ----------
    model
        Its functions, in [0, 1].
    address, key
        Where to listen, and what the others must know.
    on_report
        Called, in a thread of the server, with what a window tells of its Board.
    """

    def __init__(self, model: ModelProtocol, address: str, key: bytes, on_report: Report) -> None:
        self._model, self._address, self._key, self._on_report = model, address, key, on_report
        self._closed = threading.Event()
        self._windows: set[Connection] = set()
        self._all: set[Connection] = set()
        self._lock = threading.RLock()
        self._no_window = threading.Condition(self._lock)
        # Without a key here: a process that connects and then is silent must not keep the others out.
        self._listener = Listener(address)
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def ask_to_close(self) -> bool:
        """Ask the windows that are connected to close; whether there is one."""
        asked = False
        for window in tuple(self._windows):
            with contextlib.suppress(PeerGoneError):
                send(window, {"do": "close"})
                asked = True
        return asked

    def close(self, drain: bool = False) -> None:
        """Stop listening, and close the connections.

        Parameters
        ----------
        drain
            Whether to read first, for a short time, what windows that are gone have sent.
        """
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            if drain:
                self._no_window.wait_for(lambda: not self._windows, _DRAIN_SECONDS)
        with contextlib.suppress(OSError, EOFError):  # wakes the thread that accepts
            Client(self._address).close()
        self._listener.close()
        with self._lock:
            connections = tuple(self._all)
        for connection in connections:
            _end(connection)
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)  # longer only while a function runs

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="latentlab-explore", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()]
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection: Any = self._listener.accept()
            except (OSError, EOFError):
                if self._closed.is_set():
                    return
                continue
            if self._closed.is_set():
                connection.close()
                return
            self._start(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        with self._lock:
            self._all.add(connection)
        try:
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            header, _ = receive(connection, 0)
            if header.get("role") == "worker":
                while True:
                    self._answer(connection, *receive(connection, _LARGEST_REQUEST))
            elif header.get("role") == "window":
                with self._lock:
                    self._windows.add(connection)
                while True:
                    self._on_report(*receive(connection, _LARGEST_REPORT))
        except (AuthenticationError, PeerGoneError, FrameError, OSError, EOFError):
            pass  # whoever connected, and cannot or does not want to go on
        finally:
            with self._lock:
                self._windows.discard(connection)
                self._no_window.notify_all()
                self._all.discard(connection)
            connection.close()

    def _answer(self, connection: Connection, header: dict[str, Any], arrays: Arrays) -> None:
        try:
            answer: Mapping[str, NDArray[Any]] = self._called(str(header.get("do")), arrays)
        except InputError as error:
            send(connection, {"error": str(error), "details": error.details})
            return
        except KeyError as error:
            send(connection, {"error": f"a request without {error}", "details": ""})
            return
        send(connection, {}, {name: np.asarray(array, np.float32) for name, array in answer.items()})

    def _called(self, name: str, arrays: Arrays) -> Mapping[str, NDArray[Any]]:
        label = arrays.get("label")
        match name:
            case "decode":
                return {"image": self._model.decode(arrays["z"], label)}
            case "encode":
                mean, std = self._model.encode(arrays["image"], label)
                return {"mean": mean, "std": std}
            case "log_likelihood":
                return {"value": self._model.log_likelihood(arrays["image"], arrays["z"], label)}
            case "jvp":
                return {"derivative": self._model.jvp(arrays["z"], arrays["direction"], label)}
        raise InputError(f"there is no function {name!r}")


def _end(connection: Connection) -> None:
    """End a connection that another thread reads from."""
    if sys.platform == "win32":
        connection.close()
        return
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as ended:
        ended.shutdown(socket.SHUT_RDWR)  # to close it would not wake the other thread
