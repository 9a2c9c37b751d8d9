"""The worker's two hosts behind one interface: a child process, or a thread of this process (no Qt, no torch).

:func:`launch` may be called before Qt is imported: the child then reads its model and imports torch while the window
is being built.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias

from latentlab.engine.protocol.channel import REQUEST_ORDER, ChannelClosed, Mailbox, Wire, pipe_pair
from latentlab.engine.protocol.exit_codes import FAILED
from latentlab.utils.child_process import child_environment, module_command

HostName: TypeAlias = Literal["process", "thread"]
Deliver: TypeAlias = Callable[[Any], None]

_LOG_TAIL = 20_000  # bytes at the end of the child's log, for a report
_EXIT_WAIT = 10.0  # seconds
_RETRY = 0.02  # seconds


class WorkerHost(Protocol):
    """A worker that has been started, in a process or a thread."""

    name: HostName
    model: str | None  # what it opens first

    def send(self, request: Any) -> None:
        """Send a request; never blocks, and does nothing if the worker is gone."""

    def receive_until_exit(self, deliver: Deliver) -> int | None:
        """Deliver every result until the worker ends; to be called in a thread of its own.

        Returns
        -------
        int or None
            The process's exit code (negative: the signal that ended it); for a thread 0, or 1 after an error;
            ``None`` if it was abandoned.
        """

    def kill(self) -> None:
        """End a worker that does not answer: kill the process, or abandon the thread."""

    def stderr_tail(self) -> str:
        """The last lines of the worker's output, such as a traceback or a native stack."""


def launch(
    host: HostName = "process", device: str = "auto", model: str | None = None, first_version: int = 1
) -> WorkerHost:
    """Start a worker.

    Parameters
    ----------
    host
        ``process`` (a child process) or ``thread``.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    model
        What to open first; its map is sent before torch is imported.
    first_version
        The first model version; a restarted worker continues the count.
    """
    if host == "process":
        return ProcessHost([device, str(first_version), model or ""], model)

    def work(inbox: Mailbox, send: Deliver) -> int:
        # By name: the window's process must not import torch when its worker is a process.
        worker = importlib.import_module("latentlab.engine.worker.startup")
        return int(worker.run(inbox, send, device=device, model=model, first_version=first_version))

    return ThreadHost(work, model)


class ProcessHost:
    """A worker in a child process.

    Parameters
    ----------
    arguments
        The worker's, after the pipe's handle.
    model
        What it opens first, by those arguments.
    command
        Starts it; :func:`worker_command` by default.
    """

    name: HostName = "process"

    def __init__(self, arguments: list[str], model: str | None = None, command: list[str] | None = None) -> None:
        self.model = model
        self._wire, theirs = pipe_pair()
        self._outgoing = Mailbox()
        self._flushing = threading.Lock()
        self._woken, self._waker = Pipe(duplex=False)
        self._tail = ""
        self._log, log_descriptor = _open_log()
        try:
            self.process = _start(
                [*(command or worker_command()), str(theirs.fileno()), *arguments], theirs.fileno(), log_descriptor
            )
        finally:
            theirs.close()  # the child has the only copy: when it closes, this side reads the end
            os.close(log_descriptor)

    def send(self, request: Any) -> None:
        """Send a request; while the child does not read, requests wait here, and newer ones replace older ones."""
        self._outgoing.put(request)
        self._flush()
        if self._outgoing:
            with contextlib.suppress(OSError):
                self._waker.send_bytes(b"w")

    def receive_until_exit(self, deliver: Deliver) -> int | None:
        """Deliver results until the child's end of the pipe is closed, then wait for the child."""
        with contextlib.suppress(ChannelClosed):
            while True:
                ready = wait([self._wire.pipe, self._woken], _RETRY if self._outgoing else None)
                if self._woken in ready:
                    self._woken.recv_bytes()
                self._flush()
                if self._wire.pipe in ready:
                    deliver(self._wire.receive())
        try:
            code = self.process.wait(_EXIT_WAIT)
        except subprocess.TimeoutExpired:  # it closed the pipe but is still running
            self.process.kill()
            code = self.process.wait()
        self._close()
        return code

    def kill(self) -> None:
        """Kill the child; :meth:`receive_until_exit` then returns."""
        self.process.kill()

    def stderr_tail(self) -> str:
        """The end of the child's standard output and error."""
        if not self._log.closed:
            size = self._log.seek(0, os.SEEK_END)
            self._log.seek(max(0, size - _LOG_TAIL))
            self._tail = self._log.read().decode(errors="replace")
        return self._tail

    def _flush(self) -> None:
        """Send waiting requests, as far as the pipe accepts them without blocking."""
        with self._flushing:
            while self._outgoing and _writable(self._wire):
                request = self._outgoing.take()
                try:
                    self._wire.send(request)
                except ChannelClosed:
                    return  # receive_until_exit() notices, too

    def _close(self) -> None:
        with self._flushing:
            self._outgoing.close()
            self._wire.close()
        self._waker.close()
        self._woken.close()
        self.stderr_tail()
        self._log.close()


class ThreadHost:
    """A worker in a thread of this process, for tests, notebooks and ``--engine thread``.

    Parameters
    ----------
    work
        The worker: called with its mailbox and a function that sends results; returns its exit code.
    model
        What it opens first.
    """

    name: HostName = "thread"

    def __init__(self, work: Callable[[Mailbox, Deliver], int], model: str | None = None) -> None:
        self.model = model
        self._work = work
        self._inbox = Mailbox(REQUEST_ORDER)
        self._ended = threading.Event()
        self._code: int | None = None
        self._deliver: Deliver | None = None
        self._tail = ""

    def send(self, request: Any) -> None:
        """Put a request into the worker's mailbox."""
        self._inbox.put(request)

    def receive_until_exit(self, deliver: Deliver) -> int | None:
        """Run the worker's thread until it ends or is abandoned."""
        self._deliver = deliver
        # A daemon: a worker that does not answer must not keep the program from exiting.
        thread = threading.Thread(target=self._run, name="latentlab-worker", daemon=True)
        thread.start()
        self._ended.wait()
        if self._code is not None:
            thread.join()
        return self._code

    def kill(self) -> None:
        """Abandon the thread, as a thread cannot be killed: its results are dropped from now on."""
        self._deliver = None
        self._inbox.close()
        self._ended.set()

    def stderr_tail(self) -> str:
        """The traceback of the error that ended the thread, if any."""
        return self._tail

    def _run(self) -> None:
        try:
            self._code = self._work(self._inbox, self._send_result)
        except BaseException:  # any error ends the worker, as it ends a child process
            self._tail = traceback.format_exc()
            self._code = FAILED
        self._ended.set()

    def _send_result(self, result: Any) -> None:
        deliver = self._deliver
        if deliver is None:
            raise ChannelClosed
        deliver(result)


def worker_command() -> list[str]:
    """The command that starts this program's worker; its arguments follow."""
    return module_command("latentlab.engine.worker")


def _start(command: list[str], handle: int, log: int) -> subprocess.Popen[bytes]:
    """Start the child with one inherited pipe end, an empty stdin, and its output in the log."""
    platform: dict[str, Any]
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        platform = {"startupinfo": startup, "creationflags": subprocess.CREATE_NO_WINDOW}
    else:
        # A session of its own: Ctrl-C in the terminal interrupts the window only, which then ends the worker.
        platform = {"pass_fds": (handle,), "start_new_session": True}
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_child_environment(), **platform
    )


def _child_environment() -> dict[str, str]:
    # OpenMP threads that spin while they wait would take a core from the window.
    return {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1", **child_environment()}


def _open_log() -> tuple[BinaryIO, int]:
    """An unlinked file to read the child's output from, and a descriptor for the child to append to it."""
    descriptor, path = tempfile.mkstemp(prefix="latentlab-worker-")
    os.close(descriptor)
    # Appending, so that the child may truncate the file when it is too large.
    for_child = os.open(path, os.O_WRONLY | os.O_APPEND)
    reader = open(path, "rb")  # noqa: SIM115 - open as long as the worker runs
    with contextlib.suppress(OSError):  # Windows cannot unlink an open file
        os.unlink(path)
    return reader, for_child


def _writable(wire: Wire) -> bool:
    """Whether the pipe accepts a request without blocking; on Windows this is unknown, and sending may block."""
    if sys.platform == "win32":
        return True
    poll = select.poll()
    poll.register(wire.pipe, select.POLLOUT)
    return bool(poll.poll(0))
