"""Several requests cause one call."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt

from latentlab.gui.widgets.debouncer import Debouncer


def test_many_requests_make_one_call(qtbot):
    calls, owner = [], QObject()
    debouncer = Debouncer(10, lambda: calls.append("call"), owner)
    for _ in range(3):
        debouncer.debounce()
        debouncer.throttle()
    assert debouncer.is_pending()
    assert calls == []
    qtbot.waitUntil(lambda: not debouncer.is_pending())
    assert calls == ["call"]


def test_a_throttled_request_does_not_start_the_wait_again(qtbot):
    owner = QObject()
    debouncer = Debouncer(10_000, list, owner)
    debouncer.setTimerType(Qt.TimerType.PreciseTimer)
    debouncer.throttle()
    qtbot.waitUntil(lambda: debouncer.remainingTime() < 9_990)
    remaining = debouncer.remainingTime()
    debouncer.throttle()
    assert debouncer.remainingTime() <= remaining
    debouncer.debounce()
    assert debouncer.remainingTime() > remaining


def test_a_cancelled_request_makes_no_call(qtbot):
    calls, owner = [], QObject()
    first = Debouncer(5, lambda: calls.append("cancelled"), owner)
    second = Debouncer(10, lambda: calls.append("second"), owner)
    first.debounce()
    second.debounce()
    first.cancel()
    qtbot.waitUntil(lambda: bool(calls))
    assert calls == ["second"]
