"""Means of the terms of a run's steps, kept without making the device wait."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

from latentlab.training.distributed import ProcessGroup

_RECENT_READ_OUTS = 5


class RunningMeans:
    """Means per image since the start of the epoch, added up step by step and computed when read.

    On a GPU the sums are kept on the device, and every batch has the same terms. On the CPU, where reading a value
    costs less than adding tensors, the sums are floats, and a batch may lack some terms.

    Parameters
    ----------
    device
        The device of the terms.
    """

    def __init__(self, device: torch.device) -> None:
        # float64 where the device has it: an epoch adds up to millions of images.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._device = device
        self._images: dict[str, int] = {}
        self._sums: dict[str, float] = {}
        self._device_sums: Tensor | None = None  # in the order of ``_images``
        # Images and sum of each term at the last read-outs; for those before this epoch, minus its totals then.
        self._read_outs: deque[dict[str, tuple[int, float]]] = deque(maxlen=_RECENT_READ_OUTS)

    def add(self, terms: dict[str, Tensor], images: int) -> None:
        """Add the terms of a batch, means over its number of ``images``."""
        for name in terms:
            self._images[name] = self._images.get(name, 0) + images
        if self._device.type == "cpu":
            for name, term in terms.items():
                self._sums[name] = self._sums.get(name, 0.0) + term.item() * images
            return
        if self._device_sums is None:
            self._device_sums = torch.zeros(len(terms), dtype=self._dtype, device=self._device)
        self._device_sums.add_(torch.stack(list(terms.values())), alpha=images)

    def read(self, group: ProcessGroup | None = None) -> dict[str, float]:
        """The means since the start of the epoch (waits for the device); with a group, over all its processes."""
        names, images, sums = self.state()
        if group is not None:
            sums, counts = group.sum(torch.stack([sums, sums.new_tensor(images)])).unbind()
            images = counts.tolist()
        return {name: value / count for name, value, count in zip(names, sums.tolist(), images, strict=True) if count}

    def read_out(self) -> tuple[dict[str, float], dict[str, float]]:
        """The means since the start of the epoch, and those since a few read-outs ago (waits for the device)."""
        now = {name: (count, value) for name, (count, value) in self._totals().items() if count}
        before = self._read_outs[0] if self._read_outs else {}
        recent = {}
        for name, (count, value) in now.items():
            count_before, value_before = before.get(name, (0, 0.0))
            if count > count_before:
                recent[name] = (value - value_before) / (count - count_before)
        self._read_outs.append(now)
        return {name: value / count for name, (count, value) in now.items()}, recent

    def end_epoch(self) -> None:
        """Start the means of the next epoch; the recent means continue."""
        totals = self._totals()
        for read_out in self._read_outs:
            for name, (count, value) in totals.items():
                count_before, value_before = read_out.get(name, (0, 0.0))
                read_out[name] = count_before - count, value_before - value
        self._images, self._sums, self._device_sums = {}, {}, None

    def state(self) -> tuple[tuple[str, ...], list[int], Tensor]:
        """Name, number of images and sum of each term."""
        sums = self._device_sums
        if sums is None:
            sums = torch.tensor(list(self._sums.values()), dtype=self._dtype)
        return tuple(self._images), list(self._images.values()), sums

    def load_state(self, names: tuple[str, ...], images: list[int], sums: Tensor) -> None:
        """Continue from an earlier ``state``."""
        self._images = dict(zip(names, images, strict=True))
        if self._device.type == "cpu":
            self._sums = dict(zip(names, sums.tolist(), strict=True))
        else:
            self._device_sums = sums.to(self._device, self._dtype) if names else None
        self._read_outs.append(self._totals())

    def _totals(self) -> dict[str, tuple[int, float]]:
        names, images, sums = self.state()
        return dict(zip(names, zip(images, sums.tolist(), strict=True), strict=True))
