"""How many steps are queued on a slow device."""

import pytest
import torch

from latentlab.training.step.queue_depth import LONGEST, QueueDepthLimiter, queue_limiter_for


class Device:
    """Takes ``step`` seconds for a step; the program takes ``queueing`` seconds to queue one."""

    def __init__(self, step, queueing):
        self.step, self.queueing = step, queueing
        self.now = self.done_at = 0.0
        self.waited = 0.0

    def event(self):
        return Event(self)

    def queue(self):
        self.now += self.queueing
        self.done_at = max(self.done_at, self.now) + self.step

    @property
    def behind(self):
        """Seconds of queued work."""
        return self.done_at - self.now


class Event:
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
    limiter = QueueDepthLimiter(device.event, lambda: device.now)
    idle, most = 0.0, 0.0
    for count in range(steps):
        before = device.done_at
        device.queue()
        if count > 100:
            idle += max(0.0, device.now - before)
            most = max(most, device.behind)
        limiter.step_queued()
    return idle, most


@pytest.mark.parametrize("step", [0.0003, 0.001, 0.003, 0.02, 0.3])
def test_the_device_is_never_idle_and_never_far_behind(step):
    """Longer queues than ``LONGEST`` have only two steps: one running and one ready."""
    idle, behind = run(Device(step, 0.0001))
    assert idle == 0
    assert behind <= max(LONGEST, 2 * step) + 2 * step


def test_a_program_slower_than_the_device_never_waits():
    device = Device(0.0001, 0.0003)
    run(device)
    assert device.waited == 0


def test_enough_steps_are_queued_for_a_program_that_is_delayed():
    """The queue covers the time of decoding an image."""
    device = Device(0.0003, 0.0001)
    limiter = QueueDepthLimiter(device.event, lambda: device.now)
    for _ in range(200):
        device.queue()
        limiter.step_queued()
    assert device.behind > 0.005


def test_events_are_reused():
    device, created = Device(0.001, 0.0001), []
    limiter = QueueDepthLimiter(lambda: created.append(Event(device)) or created[-1], lambda: device.now)
    for _ in range(300):
        device.queue()
        limiter.step_queued()
    assert len(created) < 40


def test_steps_on_the_cpu_are_not_queued():
    assert queue_limiter_for(torch.device("cpu")) is None
