"""The window's side of the engine: starts the worker, receives in a QThread, and emits signals (no torch)."""

from __future__ import annotations

import logging
import time

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEventLoop, QObject, Qt, QThread, QTimer, Signal

from latentlab.engine.client.restart import DEVICE_LOST, GIVEN_UP, RestartBackoff, RestartState
from latentlab.engine.client.result_signals import ResultSignals
from latentlab.engine.client.worker_host import HostName, WorkerHost, launch
from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.messages import Failed, Notice, Request, Result, Shutdown, WorkerReady

log = logging.getLogger("latentlab")

_TURN = 0.004
"""Seconds that results may take of the event loop at a time; what waits longer goes on after other events."""


class _Receiver(QThread):
    """Serves one worker until it ends."""

    def __init__(self, home: WorkerHost, inbox: Mailbox, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("latentlab-receiver")
        self.home = home
        self.exit_code: int | None = None
        self._inbox = inbox

    def run(self) -> None:
        """Receive; in a thread of its own."""
        self.exit_code = self.home.serve(self._inbox.put)


class EngineClient(ResultSignals):
    """Asks the worker, and tells what it answers by one signal for each kind of result.

    Everything here belongs to the GUI thread, and every signal is emitted on it. ``request`` never waits.

    A worker that ends unasked (killed, crashed, out of memory, its GPU lost) is reported by ``workerLost``, and
    another is started, which opens the same model and dataset again. One that keeps ending is started after longer
    and longer pauses, with less and less to open, and then no more.
    """

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inbox = Mailbox(on_arrival=self._arrived.emit)
        self._arrived.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        self._receiver: _Receiver | None = None
        self._waiting = Mailbox()  # what is asked while no worker is there
        self._memory = RestartState()
        self._device = "auto"
        self._home_name: HostName = "process"
        self._losses = RestartBackoff()
        self._closing = False
        self._restart = QTimer(self)
        self._restart.setSingleShot(True)
        self._restart.timeout.connect(self._start_again)

    @property
    def home(self) -> WorkerHost | None:
        """Where the worker lives; ``None`` while there is none."""
        return None if self._receiver is None else self._receiver.home

    def start(self, home: WorkerHost | HostName = "process", device: str = "auto", model: str | None = None) -> None:
        """Start a worker, or take over one that :func:`.worker_host.launch` has started before Qt.

        Parameters
        ----------
        home
            ``process``, ``thread``, or a worker already launched.
        device
            ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; also for workers started later in its place.
        model
            What to open first; a worker already launched knows its own.
        """
        if self._receiver is not None:
            raise RuntimeError("the engine has been started")
        self._device = device
        self._closing = False
        self._losses = RestartBackoff()
        worker = launch(home, device, model) if isinstance(home, str) else home
        self._memory.note_start(worker.model)
        self._serve(worker)

    def request(self, request: Request) -> None:
        """Ask something of the worker; it waits for the next one while there is none.

        What needs the images waits until a worker that has taken another's place has opened them again.
        """
        self._memory.note_request(request)
        if self._memory.holds(request):
            return
        if self.home is None:
            self._waiting.put(request)
        else:
            self.home.send(request)

    def shutdown(self, timeout: float = 10.0) -> bool:
        """Let the worker checkpoint a live run and end; end it when it does not answer in time.

        The event loop goes on turning, without user input, so that the window shows what is waited for.

        Parameters
        ----------
        timeout
            Seconds to wait for it.

        Returns
        -------
        bool
            Whether it ended by itself; if not, a ``notice`` has said so.
        """
        self._closing = True
        self._restart.stop()
        receiver = self._receiver
        if receiver is None:
            return True
        receiver.home.send(Shutdown())
        deadline = time.monotonic() + timeout
        while not receiver.wait(QDeadlineTimer(10)) and time.monotonic() < deadline:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents, 10)
        answered = receiver.isFinished()
        if not answered:
            receiver.home.end()
            receiver.wait()
            self._tell(Notice(f"The worker did not answer within {timeout:g} seconds and was ended."))
        self._retire(receiver)
        return answered

    # --- one worker's life ---------------------------------------------------------------------------

    def _serve(self, home: WorkerHost) -> None:
        self._home_name = home.name
        receiver = _Receiver(home, self._inbox, self)
        receiver.finished.connect(self._on_receiver_finished)
        self._receiver = receiver
        receiver.start()
        while (request := self._waiting.take()) is not None:
            home.send(request)

    def _on_receiver_finished(self) -> None:
        receiver = self._receiver
        if receiver is None or not receiver.isFinished() or self._closing:
            return
        self._retire(receiver)
        details = receiver.home.log()
        log.warning("the worker ended with code %s\n%s", receiver.exit_code, details)
        for result in self._memory.losses(receiver.exit_code, details):
            self.tell(result)
        pause = self._losses.note()
        if receiver.exit_code == DEVICE_LOST and self._losses.count > 1 and self._device != "cpu":
            self._device = "cpu"  # another process did not bring it back
            self._tell(Notice("The accelerator does not answer; the CPU is used from now on."))
        if pause is None:
            self._tell(Failed("start", GIVEN_UP, details, expected=False))
        else:
            self._restart.start(pause)

    def _start_again(self) -> None:
        self._serve(launch(self._home_name, self._device, None, self._memory.version + 1))
        for request in self._memory.restoring(self._losses.count):
            self.request(request)

    def _retire(self, receiver: _Receiver) -> None:
        """Deliver what the worker still said, and forget it."""
        receiver.wait()
        while (result := self._inbox.take()) is not None:
            self._tell(result)
        self._receiver = None
        receiver.deleteLater()

    # --- results -------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Emit what has arrived; after a while let the event loop turn first."""
        end = time.perf_counter() + _TURN
        while (result := self._inbox.take()) is not None:
            self._tell(result)
            if time.perf_counter() > end:
                if self._inbox:
                    self._arrived.emit()
                return

    def _tell(self, result: Result) -> None:
        self._memory.note_result(result)
        if isinstance(result, WorkerReady):
            self._losses.note_ready()
        for request in self._memory.released():
            self.request(request)
        self.tell(result)
