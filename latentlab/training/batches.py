"""Images on their way into the model: resident on the device, gathered by index, converted there."""

from __future__ import annotations

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
_SHARE_OF_MEMORY = 0.4
_COPIED_AT_ONCE = 4096


class BatchLoader:
    """A dataset's images as batches on a device.

    The uint8 images stay on the device as a whole when they fit into its memory; else they stay where they are,
    as a memory map on disk perhaps, and each batch is copied over.

    Parameters
    ----------
    images
        uint8 [N, C, H, W].
    labels
        int64 [N], −1 where unknown; ``None`` when there are none.
    training
        Indices of the images trained on.
    device
        Where the batches are wanted.
    seed
        Of the order of the images in each epoch.
    binarise
        ``static`` draws every pixel once, ``dynamic`` at every use.
    static_seed
        Of the static draw: the data's, so that two runs see the same pixels.
    layout
        Memory format of the batches.

    Attributes
    ----------
    device
        Where the batches are wanted.
    resident
        Whether the images are on the device.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: Indices | None,
        training: Indices,
        device: torch.device,
        seed: int,
        binarise: Literal["none", "static", "dynamic"] = "none",
        static_seed: int = 0,
        layout: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.device = device
        self._seed = seed
        self._layout = layout
        self._dynamic = binarise == "dynamic"
        self._order = torch.from_numpy(training)
        self._images = _resident(images, device, binarise == "static", static_seed)
        self.resident = self._images.device == device
        # Beside the images: what comes from elsewhere comes along with them.
        self._labels = None if labels is None else torch.from_numpy(np.array(labels)).to(self._images.device)

    def __len__(self) -> int:
        return len(self._order)

    def order(self, epoch: int, size: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch from number ``first`` on, as images' indices in the dataset and in the training set.

        Their order depends on the seed and the epoch alone.
        """
        generator = torch.Generator().manual_seed(derived_seed(self._seed, ORDER, epoch))
        places = torch.randperm(len(self._order), generator=generator)
        images = self._order[places]
        places = places.to(self.device)
        images = images.to(self._images.device)
        for start in range(first * size, len(images), size):
            stop = start + size
            yield images[start:stop], places[start:stop]

    def batch(self, images: Tensor, places: Tensor) -> Batch:
        """The batch of these images; a dynamic draw takes torch's random numbers."""
        pixels, labels = self.gather(images)
        x = pixels.to(torch.float32, memory_format=self._layout).div_(255)
        return Batch(torch.bernoulli(x) if self._dynamic else x, labels, places.to(self.device))

    def gather(self, indices: Indices | Tensor) -> tuple[Tensor, Tensor | None]:
        """Images (uint8, on the device) and labels of the dataset by index."""
        chosen = torch.as_tensor(indices).to(self._images.device)
        return self._taken(self._images, chosen), None if self._labels is None else self._taken(self._labels, chosen)

    def _taken(self, rows: Tensor, chosen: Tensor) -> Tensor:
        """Rows by index, on the device."""
        if self.resident or self.device.type != "cuda":
            return rows.index_select(0, chosen).to(self.device)
        # Through pinned memory, which a copy reads while the program goes on; torch keeps it until it has been read.
        pinned = torch.empty((len(chosen), *rows.shape[1:]), dtype=rows.dtype, pin_memory=True)
        torch.index_select(rows, 0, chosen, out=pinned)
        return pinned.to(self.device, non_blocking=True)


def _resident(images: NDArray[np.uint8], device: torch.device, draw: bool, seed: int) -> Tensor:
    with warnings.catch_warnings():
        # The images may be a read-only map; nothing here writes to it.
        warnings.filterwarnings("ignore", message=".*not writable")
        mapped = torch.from_numpy(images)
    fits = images.nbytes <= _SHARE_OF_MEMORY * _free_memory(device)
    if not draw and (not fits or device.type == "cpu"):
        return mapped
    whole = torch.empty(images.shape, dtype=torch.uint8, device=device if fits else "cpu")
    generator = torch.Generator().manual_seed(derived_seed(seed, BINARISE))
    for start in range(0, len(images), _COPIED_AT_ONCE):
        part = mapped[start : start + _COPIED_AT_ONCE]
        if draw:
            part = torch.bernoulli(part.to(torch.float32).div_(255), generator=generator).mul_(255).to(torch.uint8)
        whole[start : start + _COPIED_AT_ONCE] = part.to(whole.device)
    return whole


def _free_memory(device: torch.device) -> float:
    """Bytes free on the device; on the CPU and where it cannot be told, the machine's memory."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return 8e9
