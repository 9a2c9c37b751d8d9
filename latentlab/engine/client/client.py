"""The window's side of the engine: starts the worker, receives results in a QThread, emits signals (no torch)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEventLoop, QObject, Qt, QThread, QTimer, Signal

from latentlab.engine.client.answer_watch import AnswerWatch
from latentlab.engine.client.restart import GIVEN_UP, RestartBackoff, RestartState
from latentlab.engine.client.result_signals import ResultSignals
from latentlab.engine.client.unanswered import Outcome, UnansweredRequests, outcome_of, refusal
from latentlab.engine.client.worker_host import HostName, WorkerHost, launch
from latentlab.engine.protocol.channel import Mailbox
from latentlab.engine.protocol.exit_codes import DEVICE_LOST
from latentlab.engine.protocol.messages import (
    Failed,
    Notice,
    OpenDataset,
    OpenModel,
    Ping,
    Request,
    RestartWorker,
    Result,
    Shutdown,
    WorkerReady,
    WorkerState,
    WorkerStatus,
)

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

    The worker's life is one :class:`~latentlab.engine.protocol.worker_status.WorkerStatus`, emitted by
    ``workerStatus`` when its state changes:

    - A worker that ends unexpectedly (killed, crashed, out of memory, its GPU lost) is reported by ``workerLost``, and
      another one is started, which opens the same model and dataset again. After three early exits in a row none is
      started until ``RestartWorker`` is requested, or another model or dataset is opened.
    - A worker that was asked something and is silent is said not to answer. It is never ended for that.
    - Every request ends in an answer, a refusal or an offer (:mod:`latentlab.engine.client.unanswered`).
    """

    _arrived = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inbox = Mailbox(on_arrival=self._arrived.emit)
        self._arrived.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        self._receiver: _Receiver | None = None
        self._waiting = Mailbox()  # requests made while there is no worker
        self._unanswered = UnansweredRequests()
        self._restart_state = RestartState()
        self._device = "auto"
        self._host_name: HostName = "process"
        self._backoff = RestartBackoff()
        self._closing = False
        self._is_ready = self._is_given_up = False
        self._is_restart = False  # whether the worker, or the one being started, replaces another
        self._is_exit_wanted = False
        self._asked_in_silence: OpenModel | OpenDataset | None = None  # not what silenced the worker
        self._opens_instead: OpenModel | OpenDataset | None = None  # what the worker that is started next opens
        self._state = WorkerState.STARTING
        self._watch = AnswerWatch(self._ping, lambda: bool(self._inbox), self)
        self._watch.changed.connect(self._update_status)
        self._restart_timer = QTimer(self)
        self._restart_timer.setSingleShot(True)
        self._restart_timer.timeout.connect(self._start_again)

    @property
    def host(self) -> WorkerHost | None:
        """The worker's host; ``None`` while there is no worker."""
        return None if self._receiver is None else self._receiver.host

    @property
    def status(self) -> WorkerStatus:
        """The worker's state, what is open in it, and what it has not answered."""
        restart = self._restart_state
        return WorkerStatus(
            self._state, restart.open_model, restart.open_dataset, restart.run, self._unanswered.names()
        )

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
        self._closing = self._is_restart = self._is_given_up = False
        self._backoff = RestartBackoff()
        worker = launch(host, device, model) if isinstance(host, str) else host
        self._restart_state.record_start(worker.model)
        self._receive_from(worker)

    def set_device(self, device: str) -> None:
        """Let the workers that replace this one compute on another device."""
        self._device = device

    def request(self, request: Request) -> None:
        """Send a request to the worker, or to the next one if there is none.

        After a restart, requests that need the model or the dataset wait until it is open again. While no worker is
        started any more, opening a model or a dataset starts one; other work is refused, with an offer.
        """
        if isinstance(request, RestartWorker):
            self._restart()
        elif self._is_given_up and isinstance(request, OpenModel | OpenDataset):
            self._unanswered.record_request(request)
            self._backoff = RestartBackoff()
            self._start_again(request)
        elif self._is_given_up:
            refused = refusal(request)
            if refused is not None:
                self._inbox.put(refused)  # emitted later: who requests does not expect the answer meanwhile
        else:
            if isinstance(request, OpenModel | OpenDataset):
                self._asked_in_silence = request if self._watch.is_silent else None
            self._unanswered.record_request(request)
            self._restart_state.record_request(request)
            self._send(request)
            self._update_status()

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
        self._watch.stop()
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

    def _receive_from(self, host: WorkerHost, first: Sequence[Request] = ()) -> None:
        """Receive from a worker, and send it what it is to do ``first`` and what was requested meanwhile."""
        self._host_name = host.name
        receiver = _Receiver(host, self._inbox, self)
        receiver.finished.connect(self._on_receiver_finished)
        self._receiver, self._is_ready = receiver, False
        self._watch.watch_start()
        receiver.start()
        for request in first:
            host.send(request)
        while (waiting := self._waiting.take()) is not None:
            host.send(waiting)
        self._update_status()

    def _send(self, request: Request) -> None:
        if self._restart_state.defer(request):
            return
        if self.host is None:
            self._waiting.put(request)
        else:
            self.host.send(request)
            self._watch.record_request()

    def _ping(self) -> None:
        if self.host is not None:
            self.host.send(Ping())

    def _on_receiver_finished(self) -> None:
        receiver = self._receiver
        if receiver is None or not receiver.isFinished() or self._closing:
            return
        self._retire(receiver)
        details = receiver.host.stderr_tail()
        log.warning("the worker ended with code %s\n%s", receiver.exit_code, details)
        pause = self._backoff.record_exit()
        self._is_given_up, self._is_restart = pause is None, True
        self._watch.stop()
        is_wanted, self._is_exit_wanted = self._is_exit_wanted, False
        results = self._restart_state.record_exit(receiver.exit_code, details, is_wanted, pause is None)
        # A worker that hangs is likely to hang in one of these.
        sent_again, refused = self._unanswered.take_lost(may_send_again=self._backoff.count == 1 and not is_wanted)
        instead, self._asked_in_silence = self._asked_in_silence, None
        if pause is None or all(result.again is not instead for result in refused):
            instead = None  # it was answered, or no worker is started
        if pause is not None:
            self._opens_instead = instead
            self._restart_timer.start(pause)
        if instead is not None:
            refused = [result for result in refused if result.again is not instead]
            self._unanswered.record_request(instead)
        opens_shown_model = self._restart_state.will_open_shown_model and not isinstance(instead, OpenModel)
        for request in sent_again:
            # What was asked about another latent space than the next model's has no answer.
            if opens_shown_model or outcome_of(request) is not Outcome.LEFT_TO_WINDOW:
                self._unanswered.record_request(request)
                self._send(request)
        for result in (*results, *refused):
            self.emit_result(result)
        if receiver.exit_code == DEVICE_LOST and self._backoff.count > 1 and self._device != "cpu":
            self._device = "cpu"  # another process could not use it either
            self._deliver(Notice("The accelerator does not answer; the CPU is used from now on."))
        if pause is None:
            self._deliver(Failed("start", GIVEN_UP, details, expected=False, again=RestartWorker()))
        self._update_status()

    def _start_again(self, instead: OpenModel | OpenDataset | None = None) -> None:
        """Start another worker, which opens what was open, or ``instead`` of it another model or dataset."""
        self._is_given_up = False
        instead, self._opens_instead = instead or self._opens_instead, None
        host = launch(self._host_name, self._device, None, self._restart_state.version + 1)
        self._receive_from(host, self._restart_state.restoring_requests(instead))

    def _restart(self) -> None:
        """End the worker, if there is one, and start another at once."""
        if self._closing:
            return
        self._backoff = RestartBackoff()
        if self._receiver is not None:
            self._is_exit_wanted = True
            self._receiver.host.kill()  # the next one is started when this one has ended
        elif self._is_given_up or self._restart_timer.isActive():
            self._restart_timer.stop()
            self._start_again()

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
        self._unanswered.record_result(result)
        told = self._restart_state.record_result(result)
        self._watch.is_training = bool(self._restart_state.run)
        self._watch.record_result(result)
        if isinstance(result, WorkerReady):
            self._backoff.record_ready()
            self._is_ready = True
        for request in self._restart_state.take_deferred():
            self._send(request)
        for each in told:
            self.emit_result(each)
        self._update_status()

    # --- the worker's state --------------------------------------------------------------------------

    def _update_status(self) -> None:
        state = self._present_state()
        if state is not self._state and not self._closing:
            self._state = state
            self.emit_result(self.status)

    def _present_state(self) -> WorkerState:
        if self._is_given_up:
            return WorkerState.GIVEN_UP
        if self._watch.is_silent:
            return WorkerState.NOT_ANSWERING
        if self._receiver is None or not self._is_ready:
            return WorkerState.RESTARTING if self._is_restart else WorkerState.STARTING
        is_busy = bool(self._restart_state.run) or self._unanswered.has_work()
        return WorkerState.BUSY if is_busy else WorkerState.READY
