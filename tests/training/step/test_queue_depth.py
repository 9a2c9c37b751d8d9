"""How far the program runs ahead of a device that takes its time."""

import pytest
import torch

from latentlab.training.step.queue_depth import LONGEST, QueueDepthLimiter, run_ahead_on


class Device:
    """Does a step after the other, each in so many seconds; the program queues one in so many."""

    def __init__(self, step, queueing):
        self.step, self.queueing = step, queueing
        self.now = self.done_at = 0.0
        self.waited = 0.0

    def mark(self):
        return Mark(self)

    def queue(self):
        self.now += self.queueing
        self.done_at = max(self.done_at, self.now) + self.step

    @property
    def behind(self):
        """Seconds of work that are queued."""
        return self.done_at - self.now


class Mark:
    def __init__(self, device):
        self.device = device
        self.at = None

    def record(self):
        self.at = self.device.done_at

    def query(self):
        return self.device.now >= self.at

    def synchronize(self):
        self.device.waited += self.at - self.device.now
        self.device.now = self.at


def run(device, steps=400):
    ahead = QueueDepthLimiter(device.mark, lambda: device.now)
    idle, most = 0.0, 0.0
    for count in range(steps):
        before = device.done_at
        device.queue()
        if count > 100:
            idle += max(0.0, device.now - before)
            most = max(most, device.behind)
        ahead.queued()
    return idle, most


@pytest.mark.parametrize("step", [0.0003, 0.001, 0.003, 0.02, 0.3])
def test_the_device_is_never_idle_and_never_far_behind(step):
    """Further than that only by the two steps it needs: one that runs and one that is ready."""
    idle, behind = run(Device(step, 0.0001))
    assert idle == 0
    assert behind <= max(LONGEST, 2 * step) + 2 * step


def test_a_program_that_is_the_slower_one_waits_for_nothing():
    device = Device(0.0001, 0.0003)
    run(device)
    assert device.waited == 0


def test_a_program_that_is_held_up_finds_enough_queued():
    """Short steps pile up as long as an image's decoding takes."""
    device = Device(0.0003, 0.0001)
    ahead = QueueDepthLimiter(device.mark, lambda: device.now)
    for _ in range(200):
        device.queue()
        ahead.queued()
    assert device.behind > 0.005


def test_marks_are_used_again():
    device, made = Device(0.001, 0.0001), []
    ahead = QueueDepthLimiter(lambda: made.append(Mark(device)) or made[-1], lambda: device.now)
    for _ in range(300):
        device.queue()
        ahead.queued()
    assert len(made) < 40


def test_steps_on_the_cpu_are_not_queued():
    assert run_ahead_on(torch.device("cpu")) is None
