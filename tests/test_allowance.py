"""The budget of what shows a training."""

from __future__ import annotations

import pytest

from latentlab import allowance
from latentlab.allowance import Allowance


def test_all_that_follows_a_run_has_a_twentieth_of_its_time_and_each_part_its_own(monkeypatch):
    assert pytest.approx(0.05) == allowance.FOLLOWING
    clock = [100.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: clock[0])
    shares = (allowance.POINTS, allowance.MANIFOLD, allowance.STRIP, allowance.HISTORY, allowance.HAND)
    cost, taken = 0.2, 0.0
    parts = [Allowance(share) for share in shares]
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
    monkeypatch.setattr(allowance.time, "monotonic", lambda: clock[0])
    part = Allowance(allowance.STRIP)
    part.ask()
    clock[0] += allowance.PATIENCE
    assert part.allows()
