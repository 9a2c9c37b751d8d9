"""The budget of what shows a training."""

from __future__ import annotations

import pytest

from latentlab.utils import duty_cycle
from latentlab.utils.duty_cycle import DutyCycle


def test_all_that_follows_a_run_has_a_twentieth_of_its_time_and_each_part_its_own(monkeypatch):
    assert pytest.approx(0.05) == duty_cycle.FOLLOWING
    clock = [100.0]
    monkeypatch.setattr(duty_cycle.time, "monotonic", lambda: clock[0])
    shares = (duty_cycle.POINTS, duty_cycle.MANIFOLD, duty_cycle.STRIP, duty_cycle.HISTORY, duty_cycle.HAND)
    cost, taken = 0.2, 0.0
    parts = [DutyCycle(share) for share in shares]
    while clock[0] < 1100.0:
        for part in parts:
            if part.allows():
                part.ask()
                assert not part.allows(), "what was asked for is waited for"
                clock[0] += cost
                taken += cost
                part.spent(cost)
        clock[0] += 0.05
    assert 0.04 <= taken / 1000.0 <= 0.052


def test_an_answer_that_never_comes_is_given_up(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(duty_cycle.time, "monotonic", lambda: clock[0])
    part = DutyCycle(duty_cycle.STRIP)
    part.ask()
    clock[0] += duty_cycle.PATIENCE
    assert part.allows()
