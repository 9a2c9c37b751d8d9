"""Means and times of a run, kept without making the device wait."""

from __future__ import annotations

import os
import time
from collections import deque

import torch
from torch import Tensor

from latentlab.training.group import Group

_PAUSE = 1.0  # seconds without work that count as a pause, not as the window's share
_RATE_OVER = 20  # read-outs


class Meter:
    """Means per image since the epoch's start, summed on the device and read when asked.

    Parameters
    ----------
    device
        Where the terms are.
    """

    def __init__(self, device: torch.device) -> None:
        # float64 where there is one: an epoch sums up to millions of images.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._device = device
        self._names: tuple[str, ...] = ()
        self._sums = torch.zeros(0, dtype=self._dtype, device=device)
        self.images = 0

    def add(self, terms: dict[str, Tensor], images: int) -> None:
        """Add the terms of a batch, means over ``images`` images each."""
        if not self._names:
            self._names = tuple(terms)
            self._sums = torch.zeros(len(terms), dtype=self._dtype, device=self._device)
        self._sums.add_(torch.stack(list(terms.values())), alpha=images)
        self.images += images

    def read(self, group: Group | None = None) -> dict[str, float]:
        """The means so far (waits for the device); over all processes of a group, which all ask then."""
        sums, images = self._sums, float(self.images)
        if group is not None:
            *sums_and_images, images = group.sum(torch.cat([sums, sums.new_tensor([images])])).tolist()
            return {name: value / images for name, value in zip(self._names, sums_and_images, strict=True)}
        values = sums.tolist() if self.images else []
        return {name: value / images for name, value in zip(self._names, values, strict=True)}

    def clear(self) -> None:
        """Begin anew."""
        self._names, self.images = (), 0
        self._sums = self._sums[:0]

    def state(self) -> tuple[tuple[str, ...], int, Tensor]:
        """Names, images and sums, to go on from."""
        return self._names, self.images, self._sums

    def restore(self, names: tuple[str, ...], images: int, sums: Tensor) -> None:
        """Go on from an earlier ``state``."""
        self._names, self.images = names, images
        self._sums = sums.to(self._device, self._dtype)


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


class Clock:
    """Seconds of a run without its pauses, how fast it is, and how long it will take.

    Parameters
    ----------
    seconds
        Of the run before it was resumed.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._begun = seconds
        self._last = time.monotonic()
        self._images = 0
        self._steps = 0
        self._marks: deque[tuple[float, int]] = deque([(seconds, 0)], maxlen=_RATE_OVER)

    def resume(self) -> None:
        """Say that work begins: a long time since it last ended was a pause."""
        now = time.monotonic()
        if now - self._last >= _PAUSE:
            self._last = now

    def tick(self, images: int = 0) -> None:
        """Count the time since the last tick, and a step if it had images."""
        now = time.monotonic()
        self.seconds += now - self._last
        self._last = now
        self._images += images
        self._steps += images > 0

    def mark(self) -> float:
        """Images per second over the last read-outs, this one included."""
        self._marks.append((self.seconds, self._images))
        seconds, images = self._marks[0]
        return (self._images - images) / max(1e-9, self.seconds - seconds)

    def remaining(self, steps: int) -> float | None:
        """Seconds that ``steps`` more steps will take, at the pace so far."""
        return (self.seconds - self._begun) / self._steps * steps if self._steps else None
