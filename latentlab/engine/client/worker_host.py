"""The worker's two homes, behind one door: a child process, or a thread of this process (no Qt, no torch).

:func:`launch` may be called before Qt is imported: the child then reads its model and imports torch while the
window is being built.
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
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias

from latentlab.engine import WORKER_FLAG
from latentlab.engine.protocol.channel import REQUEST_ORDER, ChannelClosed, Mailbox, Wire, pipe_pair

HostName: TypeAlias = Literal["process", "thread"]
Deliver: TypeAlias = Callable[[Any], None]

_LOG_SHOWN = 20_000  # bytes of the child's log that are worth copying into a report
_EXIT_WAIT = 10.0
_RETRY = 0.02


class WorkerHost(Protocol):
    """A worker that has been started, wherever it lives."""

    name: HostName
    model: str | None  # what it was told to open first

    def send(self, request: Any) -> None:
        """Ask something of the worker; never waits, and is silent when the worker is gone."""

    def serve(self, deliver: Deliver) -> int | None:
        """Hand on every result until the worker ends; to be called in a thread of its own.

        Returns
        -------
        int or None
            The process's exit code (negative: the signal that ended it); for a thread 0, or 1 after an error;
            ``None`` when it was abandoned.
        """

    def end(self) -> None:
        """End a worker that does not answer: kill the process, or leave the thread to itself."""

    def log(self) -> str:
        """The last lines the worker wrote, its traceback or native stack among them."""


def launch(
    home: HostName = "process", device: str = "auto", model: str | None = None, first_version: int = 1
) -> WorkerHost:
    """Start a worker.

    Parameters
    ----------
    home
        ``process`` (a child process) or ``thread``.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    model
        What to open first; its map is told of before torch is imported.
    first_version
        The first model version it gives out; a worker that follows another goes on counting.
    """
    if home == "process":
        return ProcessHost([device, str(first_version), model or ""], model)

    def work(inbox: Mailbox, send: Deliver) -> int:
        # By name: the window's process must not depend on torch, nor load it when its worker is a process.
        worker = importlib.import_module("latentlab.engine.worker.startup")
        return int(worker.run(inbox, send, device=device, model=model, first_version=first_version))

    return ThreadHost(work, model)


class ProcessHost:
    """A worker in a child process, started as a module of this package.

    Parameters
    ----------
    arguments
        For the worker, after the channel's handle.
    model
        What the arguments tell it to open first.
    command
        What runs it; this program by default.
    """

    name: HostName = "process"

    def __init__(self, arguments: list[str], model: str | None = None, command: list[str] | None = None) -> None:
        self.model = model
        self._wire, theirs = pipe_pair()
        self._outgoing = Mailbox()
        self._flushing = threading.Lock()
        self._woken, self._waker = Pipe(duplex=False)
        self._report = ""
        self._log, log_descriptor = _open_log()
        try:
            self.process = _start(
                [*(command or worker_command()), str(theirs.fileno()), *arguments], theirs.fileno(), log_descriptor
            )
        finally:
            theirs.close()  # the child's alone: closed there, this side reads the end
            os.close(log_descriptor)

    def send(self, request: Any) -> None:
        """Ask something; while the child does not read, requests wait here and newer ones replace older ones."""
        self._outgoing.put(request)
        self._flush()
        if self._outgoing:
            with contextlib.suppress(OSError):
                self._waker.send_bytes(b"w")

    def serve(self, deliver: Deliver) -> int | None:
        """Hand on results until the child's end of the pipe closes, then collect the child."""
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
        except subprocess.TimeoutExpired:  # it closed its channel but lives on
            self.process.kill()
            code = self.process.wait()
        self._close()
        return code

    def end(self) -> None:
        """Kill the child; :meth:`serve` then returns."""
        self.process.kill()

    def log(self) -> str:
        """The end of what the child wrote to its standard output and error."""
        if not self._log.closed:
            size = self._log.seek(0, os.SEEK_END)
            self._log.seek(max(0, size - _LOG_SHOWN))
            self._report = self._log.read().decode(errors="replace")
        return self._report

    def _flush(self) -> None:
        """Send what waits, as far as the pipe takes it at once."""
        with self._flushing:
            while self._outgoing and _writable(self._wire):
                request = self._outgoing.take()
                try:
                    self._wire.send(request)
                except ChannelClosed:
                    return  # serve() learns of it from its own end

    def _close(self) -> None:
        with self._flushing:
            self._outgoing.close()
            self._wire.close()
        self._waker.close()
        self._woken.close()
        self.log()
        self._log.close()


class ThreadHost:
    """A worker in a thread of this process, for tests, notebooks and ``--engine thread``.

    Parameters
    ----------
    work
        The worker: takes its mailbox and what delivers its results, returns its exit code.
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
        self._report = ""

    def send(self, request: Any) -> None:
        """Put the request into the worker's mailbox."""
        self._inbox.put(request)

    def serve(self, deliver: Deliver) -> int | None:
        """Run the worker's thread until it ends or is abandoned."""
        self._deliver = deliver
        # A daemon: one that does not answer must not keep the program from ending.
        thread = threading.Thread(target=self._run, name="latentlab-worker", daemon=True)
        thread.start()
        self._ended.wait()
        if self._code is not None:
            thread.join()
        return self._code

    def end(self) -> None:
        """Abandon the thread, for a thread cannot be killed: its results go nowhere from now on."""
        self._deliver = None
        self._inbox.close()
        self._ended.set()

    def log(self) -> str:
        """The traceback that ended the thread, if one did."""
        return self._report

    def _run(self) -> None:
        try:
            self._code = self._work(self._inbox, self._hand_on)
        except BaseException:  # whatever ends a worker is told, as a child's end is
            self._report = traceback.format_exc()
            self._code = 1
        self._ended.set()

    def _hand_on(self, result: Any) -> None:
        deliver = self._deliver
        if deliver is None:
            raise ChannelClosed
        deliver(result)


def worker_command() -> list[str]:
    """What starts this program's worker; its arguments follow."""
    if getattr(sys, "frozen", False):
        return [sys.executable, WORKER_FLAG]
    # -P: the folder one happens to be in is no place to import from.
    return [sys.executable, "-P", "-m", "latentlab.engine.worker"]


def _start(command: list[str], handle: int, log: int) -> subprocess.Popen[bytes]:
    """Start the child with one inherited pipe end, nothing on stdin, and its output in the log."""
    platform: dict[str, Any]
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        platform = {"startupinfo": startup, "creationflags": subprocess.CREATE_NO_WINDOW}
    else:
        # A session of its own: Ctrl-C in the terminal is the window's to answer, which then ends the worker.
        platform = {"pass_fds": (handle,), "start_new_session": True}
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_child_environment(), **platform
    )


def _child_environment() -> dict[str, str]:
    package_root = str(Path(__file__).parents[3])
    paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        # OpenMP threads that wait by spinning would take the core from the window.
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _open_log() -> tuple[BinaryIO, int]:
    """A nameless file to read the child's output from, and a descriptor for the child to append to it."""
    descriptor, path = tempfile.mkstemp(prefix="latentlab-worker-")
    os.close(descriptor)
    # Appending, so that the child may cut the file when it has grown too large.
    for_child = os.open(path, os.O_WRONLY | os.O_APPEND)
    reader = open(path, "rb")  # noqa: SIM115 - open as long as the worker
    with contextlib.suppress(OSError):  # Windows keeps the name while the file is open
        os.unlink(path)
    return reader, for_child


def _writable(wire: Wire) -> bool:
    """Whether the pipe takes a request without waiting; Windows cannot tell, and a send there may wait."""
    if sys.platform == "win32":
        return True
    poll = select.poll()
    poll.register(wire.pipe, select.POLLOUT)
    return bool(poll.poll(0))
