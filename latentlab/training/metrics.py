"""Means and times of a run, kept without making the device wait."""

from __future__ import annotations

import os
import time
from collections import deque

import torch
from torch import Tensor

from latentlab.training.distributed import ProcessGroup

_PAUSE = 1.0  # seconds without work that count as a pause, not as the window's share
_RATE_OVER = 20  # read-outs
_RECENT_OVER = 5  # read-outs
_PACE_OVER = 600  # read-outs: time left is told by the last minute's pace


class RunningMeans:
    """Means per image since the epoch's start, summed where the terms are and read when asked.

    A device that runs ahead of the program is not asked for each number: it adds them up itself, and every batch has
    the same terms then. On the CPU, where asking costs less than adding tensors, a batch may lack some.

    Parameters
    ----------
    device
        Where the terms are.
    """

    def __init__(self, device: torch.device) -> None:
        # float64 where there is one: an epoch sums up to millions of images.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._device = device
        self._images: dict[str, int] = {}
        self._sums: dict[str, float] = {}
        self._on_device: Tensor | None = None  # the sums, in the order of ``_images``
        # Images and sums of each term at the last read-outs; of those before this epoch, less what it had by its end.
        self._marks: deque[dict[str, tuple[int, float]]] = deque(maxlen=_RECENT_OVER)

    def add(self, terms: dict[str, Tensor], images: int) -> None:
        """Add the terms of a batch, means over ``images`` images each."""
        for name in terms:
            self._images[name] = self._images.get(name, 0) + images
        if self._device.type == "cpu":
            for name, term in terms.items():
                self._sums[name] = self._sums.get(name, 0.0) + term.item() * images
            return
        if self._on_device is None:
            self._on_device = torch.zeros(len(terms), dtype=self._dtype, device=self._device)
        self._on_device.add_(torch.stack(list(terms.values())), alpha=images)

    def read(self, group: ProcessGroup | None = None) -> dict[str, float]:
        """The means so far (waits for the device); over all processes of a group, which all ask then."""
        names, images, sums = self.state()
        if group is not None:
            sums, counts = group.sum(torch.stack([sums, sums.new_tensor(images)])).unbind()
            images = counts.tolist()
        return {name: value / count for name, value, count in zip(names, sums.tolist(), images, strict=True) if count}

    def read_out(self) -> tuple[dict[str, float], dict[str, float]]:
        """The means since the epoch's start, and those since a few read-outs ago (waits for the device)."""
        names, images, sums = self.state()
        now = {name: (count, value) for name, count, value in zip(names, images, sums.tolist(), strict=True) if count}
        then = self._marks[0] if self._marks else {}
        recent = {}
        for name, (count, value) in now.items():
            count_then, value_then = then.get(name, (0, 0.0))
            if count > count_then:
                recent[name] = (value - value_then) / (count - count_then)
        self._marks.append(now)
        return {name: value / count for name, (count, value) in now.items()}, recent

    def clear(self) -> None:
        """Begin anew; the last moments go on."""
        names, images, sums = self.state()
        whole = dict(zip(names, zip(images, sums.tolist(), strict=True), strict=True))
        for mark in self._marks:
            for name, (count, value) in whole.items():
                count_then, value_then = mark.get(name, (0, 0.0))
                mark[name] = count_then - count, value_then - value
        self._images, self._sums, self._on_device = {}, {}, None

    def state(self) -> tuple[tuple[str, ...], list[int], Tensor]:
        """Names, images and sums of each term, to go on from."""
        sums = torch.tensor(list(self._sums.values()), dtype=self._dtype)
        return tuple(self._images), list(self._images.values()), sums if self._on_device is None else self._on_device

    def restore(self, names: tuple[str, ...], images: list[int], sums: Tensor) -> None:
        """Go on from an earlier ``state``."""
        self._images = dict(zip(names, images, strict=True))
        if self._device.type == "cpu":
            self._sums = dict(zip(names, sums.tolist(), strict=True))
        else:
            self._on_device = sums.to(self._device, self._dtype) if names else None
        self._marks.append(dict(zip(names, zip(images, sums.tolist(), strict=True), strict=True)))


def device_memory(device: torch.device) -> int | None:
    """Bytes that this process holds of the device's memory, on the CPU of the machine's; does not wait for the device.

    ``None`` where it cannot be told.
    """
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


class RunClock:
    """Seconds of a run without its pauses, how fast it is, and how long it will take.

    Parameters
    ----------
    seconds
        Of the run before it was resumed.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._last = time.monotonic()
        self._images = 0
        self._steps, self._in_steps = 0, 0.0
        self._epochs, self._between = 0, 0.0  # ends of epochs, and seconds of all that is no step
        self._marks: deque[tuple[float, int]] = deque([(seconds, 0)], maxlen=_RATE_OVER)
        self._paces: deque[tuple[float, int]] = deque([(0.0, 0)], maxlen=_PACE_OVER)

    def resume(self) -> None:
        """Say that work begins: a long time since it last ended was a pause."""
        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now

    def tick(self, images: int = 0) -> None:
        """Count the time since the last tick, and a step if it had images."""
        now = time.monotonic()
        passed = now - self._last
        self.seconds += passed
        self._last = now
        if images:
            self._images += images
            self._steps += 1
            self._in_steps += passed
        else:
            self._between += passed

    def end_epoch(self) -> None:
        """Say that an epoch and what belongs to its end are done."""
        self._epochs += 1

    def mark(self) -> float:
        """Images per second over the last read-outs, this one included."""
        self._marks.append((self.seconds, self._images))
        self._paces.append((self._in_steps, self._steps))
        seconds, images = self._marks[0]
        return (self._images - images) / max(1e-9, self.seconds - seconds)

    def remaining(
        self, steps: int, epochs: int = 0, work_of_an_end: float = 0.0, work_at_last: float = 0.0
    ) -> float | None:
        """Seconds that the rest of a run will take, at the pace so far; ``None`` before the first step.

        Parameters
        ----------
        steps, epochs
            Steps to come, and ends of epochs with their validation and checkpoints.
        work_of_an_end, work_at_last
            What the end of an epoch, and of the run, is worth in steps; asked for while no epoch's end was measured,
            and of the run's end always.
        """
        if not self._steps:
            return None
        seconds, before = self._paces[0]
        if before == self._steps:  # none since the last read-out there was
            seconds, before = 0.0, 0
        pace = (self._in_steps - seconds) / (self._steps - before)
        end = self._between / self._epochs if self._epochs else work_of_an_end * pace
        return pace * (steps + work_at_last) + end * epochs
