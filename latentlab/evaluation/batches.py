"""Batches of images on the model's device, and how much to decode at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from latentlab.models.base import Batch, LatentModel

LARGEST_OUTPUT = 16 * 2**20
"""Numbers a decoder may output at once: 64 MB of float32 for each of the few buffers a likelihood needs."""

Binarise = Literal["none", "static", "dynamic"]


def device_of(model: torch.nn.Module) -> torch.device:
    """The device that holds the model's weights."""
    return next(model.parameters(), torch.empty(0)).device  # a model of another program has no weights here


def samples_at_once(model: LatentModel, batch: Batch, samples: int) -> int:
    """How many of ``samples`` latents of each image to decode at once, so that memory stays bounded; at least 1."""
    return max(1, min(samples, LARGEST_OUTPUT // (batch.x.numel() * model.decodes_per_sample)))


def batches(
    images: np.ndarray[Any, Any] | Tensor,
    labels: np.ndarray[Any, Any] | Tensor | None,
    size: int,
    device: torch.device,
    binarise: Binarise,
) -> Iterator[Batch]:
    """Yield uint8 images [N, C, H, W] in order as float32 in [0, 1]; with ``binarise``, sampled to 0 or 1."""
    for start in range(0, len(images), size):
        x = _tensor(images[start : start + size], device).to(torch.float32).div_(255)
        if binarise != "none":
            x = torch.bernoulli(x)
        label = None if labels is None else _tensor(labels[start : start + size], device).to(torch.int64)
        yield Batch(x, label)


def _tensor(values: np.ndarray[Any, Any] | Tensor, device: torch.device) -> Tensor:
    if isinstance(values, np.ndarray):
        # A copy: torch warns about read-only memory, and a memory-mapped dataset is read-only.
        values = torch.from_numpy(np.array(values))
    return values.to(device)
