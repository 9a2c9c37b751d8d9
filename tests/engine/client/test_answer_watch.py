"""Row 45: a worker that was asked something and is silent is noticed; one at rest costs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QTimer

from latentlab.engine.client import answer_watch
from latentlab.engine.client.answer_watch import AnswerWatch
from latentlab.engine.protocol.messages import Decoded, Notice, Pong, WorkBegun, WorkerReady

READY = WorkerReady("cpu", ("cpu",), {}, 0)
SIGN = Notice("a sign of life")
DECODED = Decoded(1, 1, np.zeros(2), None, False)


class Watched:
    """A watch whose worker answers what the test says."""

    def __init__(self) -> None:
        self.pings = 0
        self.has_unread = False
        self.watch = AnswerWatch(self._ping, lambda: self.has_unread)

    def _ping(self) -> None:
        self.pings += 1

    def is_at_rest(self) -> bool:
        return not any(timer.isActive() for timer in self.watch.findChildren(QTimer))


@pytest.fixture
def watched(qapp, monkeypatch):
    monkeypatch.setattr(answer_watch, "SILENCE", 0.1)
    monkeypatch.setattr(answer_watch, "LONG_SILENCE", 60.0)
    watched = Watched()
    watched.watch.watch_start()
    watched.watch.record_result(READY)
    yield watched
    watched.watch.stop()
    watched.watch.deleteLater()


def wait_until_silent(qtbot, watched) -> None:
    qtbot.waitUntil(lambda: watched.watch.is_silent, timeout=10_000)


def test_a_silent_worker_is_pinged_once_and_then_said_not_to_answer_until_it_does(watched, qtbot):
    watched.watch.record_request()
    wait_until_silent(qtbot, watched)
    assert watched.pings == 1
    assert watched.is_at_rest()
    with qtbot.waitSignal(watched.watch.changed):
        watched.watch.record_result(SIGN)
    assert not watched.watch.is_silent
    wait_until_silent(qtbot, watched)
    assert watched.pings == 1, "the first one is still not answered"


def test_at_rest_no_timer_runs(watched, qtbot):
    assert watched.is_at_rest()
    watched.watch.record_request()
    qtbot.waitUntil(lambda: watched.pings == 1)
    watched.watch.record_result(Pong())
    assert watched.is_at_rest()
    assert (watched.pings, watched.watch.is_silent) == (1, False)


def test_what_was_asked_after_a_ping_has_a_ping_of_its_own(watched, qtbot):
    watched.watch.record_request()
    qtbot.waitUntil(lambda: watched.pings == 1)
    watched.watch.record_request()
    watched.watch.record_result(Pong())
    qtbot.waitUntil(lambda: watched.pings == 2)
    wait_until_silent(qtbot, watched)


@pytest.mark.parametrize("long", ["start", "announced", "announced, decoding beside it"])
def test_a_long_call_that_is_known_is_not_called_silence(watched, qtbot, long):
    if long == "start":
        watched.watch.watch_start()
    watched.watch.record_request()
    if long != "start":
        watched.watch.record_result(WorkBegun("Train"))
    if long.endswith("it"):
        watched.watch.record_result(DECODED)
    with qtbot.assertNotEmitted(watched.watch.changed, wait=400):
        pass
    watched.watch.record_result(READY if long == "start" else SIGN)
    watched.watch.record_request()
    wait_until_silent(qtbot, watched)


def test_a_window_that_is_late_does_not_blame_the_worker(watched, qtbot):
    watched.has_unread = True
    watched.watch.record_request()
    with qtbot.assertNotEmitted(watched.watch.changed, wait=400):
        pass
    watched.has_unread = False
    wait_until_silent(qtbot, watched)


def test_a_run_whose_steps_are_long_is_said_not_to_answer_once(watched, qtbot, monkeypatch):
    watched.watch.is_training = True
    watched.watch.record_request()
    wait_until_silent(qtbot, watched)
    now = answer_watch.time.monotonic() + 10  # the step took ten seconds
    monkeypatch.setattr(answer_watch.time, "monotonic", lambda: now)
    watched.watch.record_result(Pong())
    monkeypatch.undo()
    monkeypatch.setattr(answer_watch, "SILENCE", 0.1)
    watched.watch.record_request()
    with qtbot.assertNotEmitted(watched.watch.changed, wait=400):
        pass
    watched.watch.is_training = False
    watched.watch.record_result(SIGN)
    watched.watch.record_request()
    wait_until_silent(qtbot, watched)
