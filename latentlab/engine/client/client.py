"""The window's side of the engine: starts the worker, receives results in a QThread, emits signals (no torch)."""

from __future__ import annotations

import logging
import time

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEventLoop, QObject, Qt, QThread, QTimer, Signal

from latentlab.engine.client.restart import GIVEN_UP, RestartBackoff, RestartState
from latentlab.engine.client.result_signals import ResultSignals
from latentlab.engine.client.worker_host import HostName, WorkerHost, launch
from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.exit_codes import DEVICE_LOST
from latentlab.engine.protocol.messages import Failed, Notice, Request, Result, Shutdown, WorkerReady

log = logging.getLogger("latentlab")

_DRAIN_SECONDS = 0.004
"""Results are delivered for so long at a time; the rest after other events."""


class _Receiver(QThread):
    """Receives from one worker until it ends."""

    def __init__(self, host: WorkerHost, inbox: Mailbox, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("latentlab-receiver")
        self.host = host
        self.exit_code: int | None = None
        self._inbox = inbox

    def run(self) -> None:
        """Receive, in this thread."""
        self.exit_code = self.host.receive_until_exit(self._inbox.put)


class EngineClient(ResultSignals):
    """Sends requests to the worker, and emits its results by one signal for each kind.

    It belongs to the GUI thread, and emits every signal there. :meth:`request` never blocks.

    A worker that ends unexpectedly (killed, crashed, out of memory, its GPU lost) is reported by ``workerLost``, and
    another one is started, which opens the same model and dataset again. If workers keep ending, the next is started
    after longer and longer pauses, with less and less to open, and finally no more.
    """

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inbox = Mailbox(on_arrival=self._arrived.emit)
        self._arrived.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        self._receiver: _Receiver | None = None
        self._waiting = Mailbox()  # requests made while there is no worker
        self._restart_state = RestartState()
        self._device = "auto"
        self._host_name: HostName = "process"
        self._backoff = RestartBackoff()
        self._closing = False
        self._restart_timer = QTimer(self)
        self._restart_timer.setSingleShot(True)
        self._restart_timer.timeout.connect(self._start_again)

    @property
    def host(self) -> WorkerHost | None:
        """The worker's host; ``None`` while there is no worker."""
        return None if self._receiver is None else self._receiver.host

    def start(self, host: WorkerHost | HostName = "process", device: str = "auto", model: str | None = None) -> None:
        """Start a worker, or use one that :func:`~latentlab.engine.client.worker_host.launch` started before Qt.

        Parameters
        ----------
        host
            ``process``, ``thread``, or a worker that has been launched.
        device
            ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; also for workers that replace it.
        model
            What to open first; ignored for a worker that has been launched.
        """
        if self._receiver is not None:
            raise RuntimeError("the engine has been started")
        self._device = device
        self._closing = False
        self._backoff = RestartBackoff()
        worker = launch(host, device, model) if isinstance(host, str) else host
        self._restart_state.record_start(worker.model)
        self._receive_from(worker)

    def request(self, request: Request) -> None:
        """Send a request to the worker, or to the next one if there is none.

        After a restart, requests that need the dataset wait until it is open again.
        """
        self._restart_state.record_request(request)
        if self._restart_state.defer_until_dataset(request):
            return
        if self.host is None:
            self._waiting.put(request)
        else:
            self.host.send(request)

    def shutdown(self, timeout: float = 10.0) -> bool:
        """Let the worker checkpoint an active run and end; kill it if it does not answer in time.

        The event loop keeps running, without user input, so that the window shows why it waits.

        Parameters
        ----------
        timeout
            Seconds to wait.

        Returns
        -------
        bool
            Whether it ended by itself; if not, a ``notice`` says so.
        """
        self._closing = True
        self._restart_timer.stop()
        receiver = self._receiver
        if receiver is None:
            return True
        receiver.host.send(Shutdown())
        deadline = time.monotonic() + timeout
        while not receiver.wait(QDeadlineTimer(10)) and time.monotonic() < deadline:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents, 10)
        answered = receiver.isFinished()
        if not answered:
            receiver.host.kill()
            receiver.wait()
            self._deliver(Notice(f"The worker did not answer within {timeout:g} seconds and was ended."))
        self._retire(receiver)
        return answered

    # --- one worker ----------------------------------------------------------------------------------

    def _receive_from(self, host: WorkerHost) -> None:
        self._host_name = host.name
        receiver = _Receiver(host, self._inbox, self)
        receiver.finished.connect(self._on_receiver_finished)
        self._receiver = receiver
        receiver.start()
        while (request := self._waiting.take()) is not None:
            host.send(request)

    def _on_receiver_finished(self) -> None:
        receiver = self._receiver
        if receiver is None or not receiver.isFinished() or self._closing:
            return
        self._retire(receiver)
        details = receiver.host.stderr_tail()
        log.warning("the worker ended with code %s\n%s", receiver.exit_code, details)
        for result in self._restart_state.record_exit(receiver.exit_code, details):
            self.emit_result(result)
        pause = self._backoff.record_exit()
        if receiver.exit_code == DEVICE_LOST and self._backoff.count > 1 and self._device != "cpu":
            self._device = "cpu"  # another process could not use it either
            self._deliver(Notice("The accelerator does not answer; the CPU is used from now on."))
        if pause is None:
            self._deliver(Failed("start", GIVEN_UP, details, expected=False))
        else:
            self._restart_timer.start(pause)

    def _start_again(self) -> None:
        self._receive_from(launch(self._host_name, self._device, None, self._restart_state.version + 1))
        for request in self._restart_state.restoring_requests(self._backoff.count):
            self.request(request)

    def _retire(self, receiver: _Receiver) -> None:
        """Deliver the worker's last results, and drop it."""
        receiver.wait()
        while (result := self._inbox.take()) is not None:
            self._deliver(result)
        self._receiver = None
        receiver.deleteLater()

    # --- results -------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Emit the results that have arrived; after a while let other events run first."""
        end = time.perf_counter() + _DRAIN_SECONDS
        while (result := self._inbox.take()) is not None:
            self._deliver(result)
            if time.perf_counter() > end:
                if self._inbox:
                    self._arrived.emit()
                return

    def _deliver(self, result: Result) -> None:
        self._restart_state.record_result(result)
        if isinstance(result, WorkerReady):
            self._backoff.record_ready()
        for request in self._restart_state.take_deferred():
            self.request(request)
        self.emit_result(result)
