"""The duration, the speed and the remaining time of a run."""

import pytest

from latentlab.training import timing
from latentlab.training.timing import RunClock
from tests.training.helpers import bars, named, run_config, train


@pytest.fixture
def now(monkeypatch):
    """The time in seconds, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(timing.time, "monotonic", lambda: now[0])
    return now


def test_pauses_do_not_count(now):
    clock = RunClock(seconds=10.0)
    for _ in range(4):
        clock.resume()
        now[0] += 0.5
        clock.tick(32)
    now[0] += 60  # paused
    clock.resume()
    now[0] += 0.5
    clock.tick(32)
    assert clock.seconds == pytest.approx(12.5)
    assert clock.images_per_second() == pytest.approx(5 * 32 / 2.5)
    assert clock.remaining(10) == pytest.approx(5.0)


def test_the_remaining_time_includes_validation_and_the_end_of_the_run(now):
    clock = RunClock()

    def work(seconds, images=0):
        clock.resume()
        now[0] += seconds
        clock.tick(images)

    assert clock.remaining(10) is None
    work(0.5, 32)
    assert clock.remaining(10, epochs=2, epoch_end_steps=3.0, run_end_steps=4.0) == pytest.approx(5.0 + 3.0 + 2.0)
    work(0.75)
    clock.end_epoch()
    assert clock.remaining(10, epochs=2, epoch_end_steps=3.0) == pytest.approx(5.0 + 1.5), "measured, not estimated"
    now[0] += 600  # paused
    work(0.5, 32)
    assert clock.remaining(10, epochs=2) == pytest.approx(5.0 + 1.5)
    clock.images_per_second()
    assert clock.remaining(0) == 0.0


def test_progress_reports_the_memory_that_is_held(monkeypatch):
    monkeypatch.setattr(timing, "_REPORT_SECONDS", 0.0)
    _, events = train(bars(), run_config(epochs=1))
    held = [event.device_memory for event in named(events, "progress")]
    assert held
    assert all(value is None or value > 10**7 for value in held), "torch alone takes more"
