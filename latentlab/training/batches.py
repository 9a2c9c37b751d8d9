"""Batches of images for training: kept on the device, gathered by index and converted there."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentlab.models.base import Batch
from latentlab.training.seeding import BINARISE, ORDER, derived_seed

Indices = NDArray[np.int64]
_MEMORY_FRACTION = 0.4
_COPIED_AT_ONCE = 4096


class BatchLoader:
    """A dataset's images as batches on a device.

    The uint8 images are held on the device if they fit into its memory; otherwise they stay where they are, for example
    in a memory map on disk, and each batch is copied.

    Parameters
    ----------
    images
        uint8 [N, C, H, W].
    labels
        int64 [N], −1 where unknown; ``None`` for unlabelled data.
    training
        Indices of the training images.
    batch_size
        Images in a batch; the last one of an epoch may have fewer.
    device
        The device of the batches.
    seed
        For the order of the images in each epoch.
    binarise
        ``static`` draws every pixel once, ``dynamic`` at every use.
    static_seed
        For the static draw: the dataset's seed, so that two runs train on the same pixels.
    layout
        Memory format of the batches.
    mirror, shift
        How images are varied in ``load_varied``: mirrored, and moved by up to so many pixels.

    Attributes
    ----------
    batch_size, num_images, steps_per_epoch
        Images in a batch, training images, and batches in an epoch.
    device
        The device of the batches.
    resident
        Whether the images are held on the device.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: Indices | None,
        training: Indices,
        batch_size: int,
        device: torch.device,
        seed: int,
        binarise: Literal["none", "static", "dynamic"] = "none",
        static_seed: int = 0,
        layout: torch.memory_format = torch.contiguous_format,
        mirror: bool = False,
        shift: int = 0,
    ) -> None:
        self.device = device
        self.num_images = len(training)
        self.batch_size = min(batch_size, self.num_images)
        self.steps_per_epoch = -(-self.num_images // self.batch_size)
        self._seed = seed
        self._layout = layout
        self._mirror, self._shift = mirror, shift
        self._dynamic = binarise == "dynamic"
        self._training = torch.from_numpy(training)
        self._images = _resident(images, device, binarise == "static", static_seed)
        self.resident = self._images.device == device
        # On the images' device: both are gathered by the same indices.
        self._labels = None if labels is None else torch.from_numpy(np.array(labels)).to(self._images.device)

    def epoch(self, number: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch from batch ``first`` on: indices in the dataset, and positions in the training set.

        Their order depends only on the seed and the epoch's number.
        """
        generator = torch.Generator().manual_seed(derived_seed(self._seed, ORDER, number))
        positions = torch.randperm(self.num_images, generator=generator)
        indices = self._training[positions].to(self._images.device)
        positions = positions.to(self.device)
        for start in range(first * self.batch_size, self.num_images, self.batch_size):
            stop = start + self.batch_size
            yield indices[start:stop], positions[start:stop]

    def load(self, indices: Tensor, positions: Tensor) -> Batch:
        """The batch of these images; a dynamic draw takes torch's random numbers."""
        return self._batch(*self.gather(indices), positions)

    def load_varied(self, indices: Tensor, positions: Tensor) -> Batch:
        """The batch of these images for a step: mirrored and moved as configured, with torch's random numbers."""
        pixels, labels = self.gather(indices)
        if self._mirror or self._shift:
            pixels = varied(pixels, self._mirror, self._shift)
        return self._batch(pixels, labels, positions)

    def _batch(self, pixels: Tensor, labels: Tensor | None, positions: Tensor) -> Batch:
        x = pixels.to(torch.float32, memory_format=self._layout).div_(255)
        return Batch(torch.bernoulli(x) if self._dynamic else x, labels, positions.to(self.device))

    def load_first(self, count: int | None = None) -> Batch:
        """The run's first batch, or its first ``count`` images, at most those of an epoch."""
        count = self.batch_size if count is None else count
        batches = itertools.islice(self.epoch(0), math.ceil(count / self.batch_size))
        indices, positions = (torch.cat(parts)[:count] for parts in zip(*batches, strict=True))
        return self.load(indices, positions)

    def gather(self, indices: Indices | Tensor) -> tuple[Tensor, Tensor | None]:
        """Images (uint8, on the device) and labels by index in the dataset."""
        chosen = torch.as_tensor(indices).to(self._images.device)
        return self._select(self._images, chosen), None if self._labels is None else self._select(self._labels, chosen)

    def _select(self, rows: Tensor, chosen: Tensor) -> Tensor:
        """Rows by index, on the device."""
        if self.resident or self.device.type != "cuda":
            return rows.index_select(0, chosen).to(self.device)
        # From pinned memory, so that the copy is asynchronous; torch keeps the memory until it has been read.
        pinned = torch.empty((len(chosen), *rows.shape[1:]), dtype=rows.dtype, pin_memory=True)
        torch.index_select(rows, 0, chosen, out=pinned)
        return pinned.to(self.device, non_blocking=True)


def varied(images: Tensor, mirror: bool, shift: int) -> Tensor:
    """Images [B, C, H, W], each mirrored by chance, and moved by up to ``shift`` pixels with its border continued.

    Examples
    --------
    >>> varied(torch.arange(6).view(1, 1, 2, 3), mirror=False, shift=0).tolist()
    [[[[0, 1, 2], [3, 4, 5]]]]
    """
    count, _, height, width = images.shape
    device = images.device
    moves = torch.randint(-shift, shift + 1, (2, count, 1), device=device)
    rows = (torch.arange(height, device=device) + moves[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) + moves[1]).clamp(0, width - 1)
    if mirror:
        is_mirrored = torch.rand(count, 1, device=device) < 0.5
        columns = torch.where(is_mirrored, width - 1 - columns, columns)
    each = torch.arange(count, device=device)[:, None, None]
    # Indexed around the slice: the channels come last, [B, H, W, C].
    return images[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _resident(images: NDArray[np.uint8], device: torch.device, binarise: bool, seed: int) -> Tensor:
    """The images on the device if they fit, else where they are; binarised once if asked for."""
    with warnings.catch_warnings():
        # The images may be a read-only memory map; nothing here writes to it.
        warnings.filterwarnings("ignore", message=".*not writable")
        mapped = torch.from_numpy(images)
    fits = images.nbytes <= _MEMORY_FRACTION * _free_memory(device)
    if not binarise and (not fits or device.type == "cpu"):
        return mapped
    whole = torch.empty(images.shape, dtype=torch.uint8, device=device if fits else "cpu")
    generator = torch.Generator().manual_seed(derived_seed(seed, BINARISE))
    for start in range(0, len(images), _COPIED_AT_ONCE):
        part = mapped[start : start + _COPIED_AT_ONCE]
        if binarise:
            part = torch.bernoulli(part.to(torch.float32).div_(255), generator=generator).mul_(255).to(torch.uint8)
        whole[start : start + _COPIED_AT_ONCE] = part.to(whole.device)
    return whole


def _free_memory(device: torch.device) -> float:
    """Bytes free on a CUDA device; elsewhere the machine's memory."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return 8e9
