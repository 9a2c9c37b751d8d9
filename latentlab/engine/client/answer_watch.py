"""Notices that a worker which was asked something does not answer (QtCore only)."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from latentlab.engine.protocol.messages import Decoded, Pong, Result, WorkBegun, WorkerReady

SILENCE = 2.0
"""Seconds of silence after a request, until the worker is said not to answer."""
LONG_SILENCE = 30.0
"""Seconds of silence while it starts, and after ``WorkBegun``: torch may come from a slow disk, and be compiled for."""
_LONGEST_STEP = 20.0
_TRUST = 1.5  # during a run, a silence up to so many times as long as one that ended by itself is normal


class AnswerWatch(QObject):
    """Watches one worker from a request on until it has answered; at rest it does nothing, and no timer runs.

    Not every request has an answer of its own, so a while after a request ``Ping`` is sent, which the worker's loop
    answers in its turn. Any result is a sign of life. The worker is never ended: it may be stopped, hang, or be in
    one long computation, which cannot be told from outside. A silence during a run that ended by itself, as a long step
    does, is normal from then on.

    Parameters
    ----------
    ping
        Sends ``Ping`` to the worker.
    has_unread
        Whether results have arrived that were not delivered yet: then it is the window that is late.

    Attributes
    ----------
    is_silent
        Whether the worker does not answer.
    is_training
        Whether it has an active run, whose steps may be long; to be set by the client.

    Signals
    -------
    changed
        ``is_silent`` has changed.
    """

    changed = Signal()

    def __init__(self, ping: Callable[[], None], has_unread: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ping, self._has_unread = ping, has_unread
        self.is_silent = self.is_training = False
        self._is_starting = self._is_pinged = self._is_asked = self._has_begun_work = False
        self._heard = 0.0  # when it last gave a sign of life, or was first asked after that
        self._normal_step = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timeout)

    def watch_start(self) -> None:
        """A worker has been started: it is asked to become ready."""
        self.stop()
        self._is_starting = self._is_pinged = True  # WorkerReady is the answer
        self._heard = time.monotonic()
        self._timer.start(_milliseconds(LONG_SILENCE))

    def stop(self) -> None:
        """There is no worker to watch."""
        self._timer.stop()
        self._is_starting = self._is_pinged = self._is_asked = self._has_begun_work = self.is_training = False
        self._set_silent(False)

    def record_request(self) -> None:
        """Something was sent to the worker."""
        if not self._is_asked:
            self._is_asked = True
            if not self._is_pinged:
                self._heard = time.monotonic()
                self._timer.start(_milliseconds(SILENCE / 2))

    def record_result(self, result: Result) -> None:
        """A result of the worker has arrived."""
        now = time.monotonic()
        if not self.is_training:
            self._normal_step = 0.0
        elif self.is_silent:
            self._normal_step = min(_LONGEST_STEP, _TRUST * (now - self._heard))
        self._heard = now
        if isinstance(result, Pong | WorkerReady):
            self._is_pinged = self._is_starting = self._has_begun_work = False
            if self._is_asked:
                self._timer.start(_milliseconds(SILENCE / 2))
            else:
                self._timer.stop()
        elif isinstance(result, WorkBegun):
            self._has_begun_work = True
        elif not isinstance(result, Decoded):  # which may come from the worker's second thread
            self._has_begun_work = False
        if self.is_silent:
            self._set_silent(False)
            self._timer.start(_milliseconds(SILENCE / 2))

    def _on_timeout(self) -> None:
        if self._is_pinged:
            left = self._heard + self._patience() - time.monotonic()
            if self._has_unread():
                left = SILENCE / 2
            if left > 0:
                self._timer.start(_milliseconds(min(left, SILENCE)))  # the patience may change meanwhile
            else:
                self._set_silent(True)
        elif self._is_asked:
            self._is_asked, self._is_pinged = False, True
            self._ping()
            self._timer.start(_milliseconds(SILENCE / 2))

    def _patience(self) -> float:
        if self._is_starting or self._has_begun_work:
            return LONG_SILENCE
        return max(SILENCE, self._normal_step)

    def _set_silent(self, is_silent: bool) -> None:
        if is_silent != self.is_silent:
            self.is_silent = is_silent
            self.changed.emit()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
