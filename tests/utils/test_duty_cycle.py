"""The share of a run's time that showing its progress may take."""

from __future__ import annotations

import pytest

from latentlab.utils import duty_cycle
from latentlab.utils.duty_cycle import DutyCycle


@pytest.fixture
def clock(monkeypatch):
    """The time, in a list that a test changes."""
    clock = [100.0]
    monkeypatch.setattr(duty_cycle.time, "monotonic", lambda: clock[0])
    return clock


def test_all_parts_together_take_a_twentieth_of_the_time_and_each_its_own_share(clock):
    assert pytest.approx(0.05) == duty_cycle.TOTAL
    shares = (
        duty_cycle.POINTS, duty_cycle.MANIFOLD, duty_cycle.STRIP, duty_cycle.SNAPSHOTS, duty_cycle.WEIGHTS_COPY,
    )  # fmt: skip
    cost, total = 0.2, 0.0
    parts = [DutyCycle(share) for share in shares]
    while clock[0] < 1100.0:
        for part in parts:
            if part.is_ready():
                part.mark_requested()
                assert not part.is_ready(), "not before the answer"
                clock[0] += cost
                total += cost
                part.record_cost(cost)
        clock[0] += 0.05
    assert 0.04 <= total / 1000.0 <= 0.052


def test_an_answer_that_never_comes_is_not_waited_for_forever(clock):
    part = DutyCycle(duty_cycle.STRIP)
    part.mark_requested()
    clock[0] += duty_cycle.TIMEOUT
    assert part.is_ready()
